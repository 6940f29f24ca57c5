"""The desk at work, one process: decisions in, messages and verdicts out, pages in between."""

import logging
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
from pipelines.act.channels import Inbox
from pipelines.act.intake import Intake
from pipelines.act.links import Links
from pipelines.act.post import Post
from pipelines.act.teller import Teller
from pipelines.casework import clock, messages, queue
from pipelines.casework.database import Database
from pipelines.catalog import DECISIONS, SIGNALS
from pipelines.config import Desk, Settings
from pipelines.desk import app, people, safety
from pipelines.desk.chores import Chores
from pipelines.desk.office import News, Office
from pipelines.errors import EnvironmentProblem, Unavailable
from pipelines.local import landed, lock, topics
from pipelines.local.project import HERE
from pipelines.monitor import catalogue
from pipelines.score import served

NAME: Final = "desk"
"""Of the program, its log and its status."""
WATCHED: Final = ("hot", "landing", "quality", "watch", "reasons")
RETRY_SECONDS: Final = 1.0
REPORT_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 0.1
_log = logging.getLogger(__name__)


def run(settings: Settings, stopping: Callable[[], bool]) -> None:
    """Serve until `stopping` says so.

    Raises:
        ConfigurationError: it would be open to others without TLS or a secret of its own, or an address cannot be used.
        EnvironmentProblem: another desk works on this run, or the port is taken.
        Unavailable: the database does not answer.
    """
    paths, said = settings.paths, settings.paths.status / f"{NAME}.json"
    safety.require(settings.desk)
    status.report(said, "starting", "opening the database")
    with lock.held(paths.desk, NAME), closing(Database.of(settings)) as database:
        _first_user(database, paths.first_password)
        links = Links(safety.address(settings.desk), safety.secret(settings.desk, paths), settings.desk.link_days)
        inbox, beat = channels.Inbox(paths.desk / "inbox"), Beat()
        chores = Chores(HERE.root, paths.run / "logs" / "desk-chores.log")
        office = _office(settings, database, links, inbox, beat, chores)
        server, workers = _serve(office, settings.desk), _workers(settings, database, links, inbox, stopping)
        try:
            _follow(settings, database, office.news, beat, stopping)
        finally:
            _report(settings, "stopped", "stopped in order", database)
            server.should_exit = True
            for each in workers:
                each.join(RETRY_SECONDS)
            chores.close()


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


def _office(settings: Settings, database: Database, links: Links, inbox: Inbox, beat: Beat, chores: Chores) -> Office:
    """What pages work with."""
    paths, desk = settings.paths, settings.desk
    return Office(
        database=database,
        news=News(),
        read_link=links.read,
        address=safety.address(desk),
        idle_seconds=desk.idle_minutes * 60,
        standing=lambda: {name: status.look(paths.status / f"{name}.json") for name in WATCHED}
        | {"intake": beat.said()},
        inbox=None if desk.cardholders and desk.team else inbox.letters,
        paths=paths,
        registry=settings.registry,
        policy=lambda: served.in_force(paths),
        search=lambda word: catalogue.search(paths.lake, landed.rows(paths.lake), word).facts(),
        chores=chores,
    )


def _workers(
    settings: Settings, database: Database, links: Links, inbox: Inbox, stopping: Callable[[], bool]
) -> list[threading.Thread]:
    """Threads that send messages and tell verdicts, begun."""
    desk, bootstrap = settings.desk, settings.kafka.bootstrap
    by_audience = {
        messages.CARDHOLDER: channels.channel(desk.cardholders, inbox),
        messages.TEAM: channels.channel(desk.team, inbox),
    }
    post = Post(database, by_audience, links)
    teller = Teller(database, bootstrap, lambda: topics.read(bootstrap, SIGNALS.name, {}))
    workers = [
        threading.Thread(target=_work, args=(each.settle, each.work, stopping), name=type(each).__name__, daemon=True)
        for each in (post, teller)
    ]
    for each in workers:
        each.start()
    return workers


def _follow(settings: Settings, database: Database, news: News, beat: Beat, stopping: Callable[[], bool]) -> None:
    """Take in decisions and verdicts; while the broker is away the pages go on."""
    where, bootstrap = safety.address(settings.desk), settings.kafka.bootstrap
    while not stopping():
        try:
            partitions = {topic.name: sorted(topics.ends(bootstrap, topic.name)) for topic in (DECISIONS, SIGNALS)}
        except (Unavailable, KafkaException) as problem:
            _report(settings, "waiting", str(problem), database, address=where)
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
                    _report(settings, "open", f"open at {where}{missed}", database, address=where)


def _report(settings: Settings, state: str, message: str, database: Database, **facts: Any) -> None:
    with database.reading() as session:
        cases = queue.last_id(session)
    status.report(settings.paths.status / f"{NAME}.json", state, message, cases=cases, **facts)


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


def _first_user(database: Database, file: Path) -> None:
    """The first administrator, and the password that lets them in once."""
    with database.writing() as session:
        password = people.first_administrator(session, clock.wall_ms())
    if password:
        words = f"log in as {people.ADMINISTRATOR} with the first password {password}"
        safety.put_private(file, words)
        print(f"desk: {words}", flush=True)
