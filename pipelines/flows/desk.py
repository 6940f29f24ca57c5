"""The desk at work, one process: decisions in, messages and verdicts out, pages in between."""

import ipaddress
import json
import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import uvicorn
from confluent_kafka import KafkaException

from pipelines import status
from pipelines.act import channels
from pipelines.act.intake import Intake
from pipelines.act.links import Links
from pipelines.act.post import Post
from pipelines.act.teller import Teller
from pipelines.casework import clock, messages, queue
from pipelines.casework.database import Database
from pipelines.catalog import DECISIONS, SIGNALS
from pipelines.config import Desk, Settings
from pipelines.desk import app, people
from pipelines.desk.chores import Chores
from pipelines.desk.office import News, Office
from pipelines.errors import ConfigurationError, EnvironmentProblem, Unavailable
from pipelines.local import landed, lock, topics
from pipelines.local.project import HERE
from pipelines.monitor import catalogue
from pipelines.score import served

NAME: Final = "desk"
"""Of the program, its log and its status."""
WATCHED: Final = ("hot", "landing", "quality", "watch", "reasons")
LEAST_SECRET: Final = 32
RETRY_SECONDS: Final = 1.0
REPORT_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 0.1
MOST_LETTERS: Final = 50
_log = logging.getLogger(__name__)


def run(settings: Settings, stopping: Callable[[], bool]) -> None:
    """Serve until `stopping` says so.

    Raises:
        ConfigurationError: it would be open to others without TLS or a secret of its own, or an address cannot be used.
        EnvironmentProblem: another desk works on this run, or the port is taken.
        Unavailable: the database does not answer.
    """
    paths, desk = settings.paths, settings.desk
    said = paths.status / f"{NAME}.json"
    require_safe(desk)
    status.report(said, "starting", "opening the database")
    with lock.held(paths.desk, NAME):
        database = Database.of(settings)
        links = Links(address(desk), secret(settings), desk.link_days)
        news, beat = News(), Beat()
        chores = Chores(HERE.root, paths.run / "logs" / "desk-chores.log")
        inbox = channels.Inbox(paths.desk / "inbox")
        office = Office(
            database,
            news,
            links.read,
            address(desk),
            desk.idle_minutes * 60,
            settings.labels.precedence,
            lambda: {**{name: status.look(paths.status / f"{name}.json") for name in WATCHED}, "intake": beat.said()},
            None if desk.cardholders and desk.team else lambda: letters(inbox.folder),
            paths,
            settings.registry,
            lambda: served.in_force(paths),
            lambda word: catalogue.search(paths.lake, landed.rows(paths.lake), word).facts(),
            chores,
        )
        _first_user(database, paths.first_password)
        server = _serve(office, desk)
        by_audience = {
            messages.CARDHOLDER: channels.channel(desk.cardholders, inbox.folder),
            messages.TEAM: channels.channel(desk.team, inbox.folder),
        }
        post = Post(database, by_audience, links)
        teller = Teller(
            database, settings.kafka.bootstrap, lambda: topics.read(settings.kafka.bootstrap, SIGNALS.name, {})
        )
        workers = [
            threading.Thread(
                target=_work, args=(each.settle, each.work, stopping), name=type(each).__name__, daemon=True
            )
            for each in (post, teller)
        ]
        for each in workers:
            each.start()
        try:
            _follow(settings, database, news, beat, stopping, said)
        finally:
            _report(said, "stopped", "stopped in order", database)
            server.should_exit = True
            for each in workers:
                each.join(RETRY_SECONDS)
            chores.close()
            database.close()


def require_safe(desk: Desk) -> None:
    """Refuse to be open to others without protection.

    Raises:
        ConfigurationError: it is not what it should be; the line says what to set.
    """
    try:
        is_local = ipaddress.ip_address(socket.gethostbyname(desk.host)).is_loopback
    except (OSError, ValueError) as problem:
        raise ConfigurationError(f"desk.host {desk.host} is no address of this machine") from problem
    if bool(desk.certificate) != bool(desk.key):
        raise ConfigurationError("desk.certificate and desk.key go together")
    secure = bool(desk.certificate) or (desk.behind_proxy and desk.address.startswith("https://"))
    if not is_local and not secure:
        raise ConfigurationError(
            f"desk.host {desk.host} is open to others: set desk.certificate and desk.key, or desk.behind_proxy with an "
            "https:// desk.address"
        )
    if not is_local and desk.secret is None:
        raise ConfigurationError(
            f"desk.host {desk.host} is open to others: set desk.secret to a file with a key of your own"
        )


def address(desk: Desk) -> str:
    """What people type."""
    return desk.address or f"{'https' if desk.certificate else 'http'}://{desk.host}:{desk.port}"


def letters(folder: Path) -> list[dict[str, Any]]:
    """The local inbox, newest first: each letter with its words and its link apart."""
    files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)[:MOST_LETTERS]
    return [_letter(json.loads(file.read_text())) for file in files]


class Beat:
    """When the intake last looked: its pages tell when it has stopped."""

    def __init__(self) -> None:
        self._at = time.time()

    def now(self) -> None:
        """It looks."""
        self._at = time.time()

    def said(self) -> Mapping[str, Any]:
        """In the words of a status."""
        return {"state": "open", "at": self._at}


def _follow(
    settings: Settings, database: Database, news: News, beat: Beat, stopping: Callable[[], bool], said: Path
) -> None:
    """Take in decisions and verdicts; while the broker is away the pages go on."""
    where, bootstrap = address(settings.desk), settings.kafka.bootstrap
    while not stopping():
        try:
            partitions = {topic.name: sorted(topics.ends(bootstrap, topic.name)) for topic in (DECISIONS, SIGNALS)}
        except (Unavailable, KafkaException) as problem:
            status.report(said, "waiting", str(problem), address=where)
            time.sleep(RETRY_SECONDS)
            continue
        with closing(topics.reader(bootstrap)) as consumer:
            intake = Intake(database, consumer, partitions, settings.labels.precedence, news.announce)
            reported = 0.0
            while not stopping():
                intake.follow()
                beat.now()
                if time.monotonic() >= reported + REPORT_SECONDS:
                    reported = time.monotonic()
                    missed = f"; {intake.unreadable:,} records could not be read" if intake.unreadable else ""
                    _report(said, "open", f"open at {where}{missed}", database, address=where)


def _report(said: Path, state: str, message: str, database: Database, **facts: Any) -> None:
    with database.reading() as session:
        status.report(said, state, message, cases=queue.last_id(session), **facts)


def _work(settle: Callable[[], None], work: Callable[[], int], stopping: Callable[[], bool]) -> None:
    """Send what is due, again and again; what fails is tried again."""
    settled = False
    while not stopping():
        try:
            if not settled:
                settle()
                settled = True
            if not work():
                time.sleep(IDLE_SECONDS)
        except Exception:
            _log.exception("%s goes on after this", threading.current_thread().name)
            time.sleep(RETRY_SECONDS)


def _serve(office: Office, desk: Desk) -> uvicorn.Server:
    """Pages, from a thread of their own.

    Raises:
        EnvironmentProblem: the port is taken.
    """
    try:
        socket.create_server((desk.host, desk.port)).close()
    except OSError as problem:
        raise EnvironmentProblem(
            f"{desk.host}:{desk.port} cannot be listened on ({problem.strerror}): set desk.port"
        ) from problem
    server = uvicorn.Server(
        uvicorn.Config(
            app.create(office),
            host=desk.host,
            port=desk.port,
            ssl_certfile=desk.certificate,
            ssl_keyfile=desk.key,
            proxy_headers=desk.behind_proxy,
            server_header=False,
            access_log=False,
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
    )
    threading.Thread(target=server.run, name="pages", daemon=True).start()
    return server


def secret(settings: Settings) -> str:
    """What signs links: from the file that the settings name, or one that is made below the run.

    Raises:
        ConfigurationError: the file cannot be read or holds too little.
    """
    file = settings.desk.secret or settings.paths.desk / "secret"
    if settings.desk.secret is None and not file.exists():
        _put_private(file, secrets.token_urlsafe(LEAST_SECRET))
    try:
        found = file.read_text().strip()
    except OSError as problem:
        raise ConfigurationError(f"desk.secret {file} cannot be read: {problem.strerror}") from problem
    if len(found) < LEAST_SECRET:
        raise ConfigurationError(f"desk.secret {file} holds {len(found)} characters, it needs {LEAST_SECRET}")
    return found


def _first_user(database: Database, file: Path) -> None:
    """The first administrator, and the password that lets them in once."""
    with database.writing() as session:
        password = people.first_administrator(session, clock.wall_ms())
    if password:
        words = f"log in as {people.ADMINISTRATOR} with the first password {password}"
        _put_private(file, words)
        print(f"desk: {words}", flush=True)


def _put_private(file: Path, text: str) -> None:
    """Write a file that only we can read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(0o600)
    file.write_text(text + "\n")


def _letter(letter: Mapping[str, Any]) -> dict[str, Any]:
    words, _, link = str(letter["body"]).partition("http")
    return {**letter, "words": words, "link": f"http{link}" if link else ""}
