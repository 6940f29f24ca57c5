"""The tables and how they come to be."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from pipelines.casework.database import Database
from pipelines.casework.tables import Base, User
from pipelines.errors import ConfigurationError, Unavailable


def test_migrations_lead_to_the_tables_as_they_are_declared(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/desk.db"
    Database(url).close()
    with create_engine(url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.writing() as session:
        session.add(User(name="anna", role="viewer", password="x", made_ms=1))
        session.flush()
        raise RuntimeError
    with database.reading() as session:
        assert session.get(User, "anna") is None


def test_a_database_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match=r"desk\.database is no address"):
        Database("nothing at all")


def test_a_database_that_does_not_answer() -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
