"""The door to the desk's database: opened and brought up to date, read and written in transactions that leave all or nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError
from sqlalchemy.orm import Session

from pipelines.config import Settings
from pipelines.errors import ConfigurationError, Unavailable

_BUSY_SECONDS: Final = 30
_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_WRITERS: Final = 0x636C6472
"""Of PostgreSQL's advisory locks: the one of whoever writes here."""


class Database:
    """An open database.

    Writers take turns, so that what they have read is still so when they commit: the desk writes little and shortly.
    """

    def __init__(self, url: str) -> None:
        """Open and bring up to date: `sqlite:///file.db` or `postgresql+psycopg://user:password@host/name`.

        Raises:
            ConfigurationError: that is no database.
            Unavailable: it does not answer.
        """
        try:
            self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
            self._engine = _engine(url, self.is_sqlite)
            migrate(self._engine)
        except (ArgumentError, NoSuchModuleError) as problem:
            raise ConfigurationError(f"desk.database is no address of a database: {problem}") from problem
        except OperationalError as problem:
            raise Unavailable(f"the desk's database does not answer: {problem.orig}") from problem

    @classmethod
    def of(cls, settings: Settings) -> "Database":
        """The database that a run's settings name: a SQLite file below the run where they name none."""
        return cls(settings.desk.database or f"sqlite:///{(settings.paths.desk / 'desk.db').absolute()}")

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that writes nothing."""
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that is alone in writing; committed at the end, or nothing of it stays."""
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            if self.is_sqlite:
                session.execute(text("begin immediate"))
            else:
                session.execute(text(f"select pg_advisory_xact_lock({_WRITERS})"))
            yield session

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()


def migrate(engine: Engine) -> None:
    """Bring the tables to the newest revision. Two that start at once take turns."""
    settings = Config()
    settings.set_main_option("script_location", str(_MIGRATIONS))
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "begin immediate" if engine.dialect.name == "sqlite" else f"select pg_advisory_xact_lock({_WRITERS})"
        )
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
        connection.commit()


def _engine(url: str, is_sqlite: bool) -> Engine:
    if not is_sqlite:
        return create_engine(url, pool_pre_ping=True)
    file = make_url(url).database
    if file:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        """What was committed survives a loss of power; of readers and writer none waits for the other."""
        for setting in ("journal_mode = wal", "synchronous = full", "foreign_keys = on"):
            connection.execute(f"pragma {setting}")

    return engine
