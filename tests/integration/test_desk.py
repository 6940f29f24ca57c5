"""The desk as a process beside a real broker: killed again and again, it loses nothing and does nothing twice."""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from confluent_kafka import Producer
from sqlalchemy import func, select

from pipelines.casework import cases, clock, lists, messages, policies, telling
from pipelines.casework.database import Database
from pipelines.casework.tables import Alert, Case, Message, Signal
from pipelines.catalog import DECISIONS, POLICIES, SIGNALS
from pipelines.config import Desk, Paths, Settings
from pipelines.local import stack, topics
from pipelines.local.project import HERE
from pipelines.local.stack import Stack
from pipelines.rules import policy
from pipelines.score.published import Published
from tests.desk.conftest import decision

SECONDS = 120.0
DECISIONS_SENT, KILLS = 600, 20
ACTIONS = ("hold", "challenge", "decline", "approve")


class Webhook:
    """A gateway to cardholders that knows a message again by its Idempotency-Key, as such services do."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                outer.taken[self.headers["Idempotency-Key"]] += 1
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server.server_port}/"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    found = Webhook()
    yield found
    found.server.shutdown()


@pytest.fixture
def running(tmp_path: Path, webhook: Webhook) -> Iterator[Stack]:
    """A broker; the team has a local inbox, cardholders a webhook."""
    settings = Settings(desk=Desk(port=0, cardholders=webhook.url), paths=Paths(run=tmp_path / "run"))
    with stack.opened(HERE, settings, os.environ, lambda line: None) as opened:
        opened.start_broker()
        yield opened


def _start(running: Stack) -> None:
    running.start_job(stack.DESK, "jobs.serve_desk")
    running.await_open(stack.DESK, SECONDS)


def _kill(running: Stack) -> None:
    """As if the power had failed; what is left of it is taken away before anybody tends it."""
    desk = running.processes.processes.pop(stack.DESK)
    os.kill(desk.pid, signal.SIGKILL)
    while desk.code is None:
        time.sleep(0.01)


@pytest.mark.timeout(600)
def test_each_message_once_through_twenty_kills(running: Stack, webhook: Webhook) -> None:
    luck = random.Random(6)
    producer = Producer({"bootstrap.servers": running.settings.kafka.bootstrap})
    paths, sent, decided = running.settings.paths, 0, 0
    for _ in range(KILLS):
        _start(running)
        with closing(Database(f"sqlite:///{paths.desk}/desk.db")) as database:
            until = time.monotonic() + luck.uniform(0.2, 1.2)
            while time.monotonic() < until:
                for number in range(sent, min(sent + 10, DECISIONS_SENT)):
                    record = decision(number, ACTIONS[number % 4], card_id=f"card{number % 50}")
                    for _ in range(luck.choice((1, 1, 2))):  # after a crash the stream repeats itself
                        producer.produce(DECISIONS.name, json.dumps(record, separators=(",", ":")), record["card_id"])
                sent = min(sent + 10, DECISIONS_SENT)
                producer.flush()
                decided += _decide_one(database)
                time.sleep(0.03)
        _kill(running)
    assert sent == DECISIONS_SENT and decided > 5
    _start(running)
    alerts = [number for number in range(sent) if ACTIONS[number % 4] != "approve"]
    with closing(Database(f"sqlite:///{paths.desk}/desk.db")) as database:
        running.wait(lambda: _is_done(database, len(alerts)), SECONDS, "not everything is sent")
        with database.reading() as session:
            written = set(session.scalars(select(Message.id)))
            open_cases = session.execute(
                select(Case.card_id, func.count()).where(Case.state != "closed").group_by(Case.card_id)
            )
            assert all(count == 1 for _, count in open_cases)
            told = [each.id for each in session.scalars(select(Signal))]
    assert written == {f"{ACTIONS[number % 4]}:t{number}" for number in alerts}
    to_team = [json.loads(file.read_text())["id"] for file in (paths.desk / "inbox").glob("*.json")]
    assert sorted(to_team) == sorted(name for name in written if name.startswith("hold"))
    assert webhook.taken.keys() == {name.replace(":", "-") for name in written if not name.startswith("hold")}
    assert sum(webhook.taken.values()) - len(webhook.taken) <= KILLS, "only what was under way may be offered twice"
    on_topic = [
        json.loads(one.value() or b"")["signal_id"]
        for one in topics.read(running.settings.kafka.bootstrap, SIGNALS.name, {})
    ]
    assert sorted(on_topic) == sorted(told)


def test_policies_and_lists_reach_the_stream(running: Stack) -> None:
    bootstrap, paths = running.settings.kafka.bootstrap, running.settings.paths
    wanted = policy.read(Path("conf/policy.yaml")).model_dump(mode="json")
    _start(running)
    with closing(Database(f"sqlite:///{paths.desk}/desk.db")) as database, closing(Published(bootstrap)) as published:
        published.look()
        assert (published.policy, published.note) == (None, "")
        for hold in (0.4, 0.3):
            with database.writing() as session:
                last = policies.latest(session)
                content = wanted | {"thresholds": wanted["thresholds"] | {"hold": hold}}
                policies.save(session, "boss", content, "fewer", last.id if last else None, clock.wall_ms())
            running.wait(lambda: _told(database), SECONDS, "the policy is not told")
        published.look()
        assert published.policy is not None and published.policy.thresholds.hold == 0.3
        for junk in (b"{", b'{"policy": {"name": "?"}}'):
            producer = Producer({"bootstrap.servers": bootstrap})
            producer.produce(POLICIES.name, junk, "policy")
            producer.flush()
            published.look()
            assert published.policy.thresholds.hold == 0.3 and "the one before stays" in published.note
        with database.writing() as session:
            lists.put(session, "boss", "merchant", "m7", "deny", 5, "run of fraud", clock.wall_ms())
        running.wait(lambda: _listed(database) == [("merchant_id", "m7")], SECONDS, "the list is not heard")
        (told,) = topics.read(bootstrap, SIGNALS.name, {})
        assert json.loads(told.value() or b"") | {"signal_id": 0, "event_time": 0, "until": 0} == {
            "signal_id": 0,
            "kind": "listing",
            "event_time": 0,
            "source": "analyst",
            "listing": "deny",
            "merchant_id": "m7",
            "until": 0,
        }


def test_what_cannot_be_read_is_passed_over(running: Stack) -> None:
    producer = Producer({"bootstrap.servers": running.settings.kafka.bootstrap})
    for topic, junk in (
        (DECISIONS.name, b"not json"),
        (DECISIONS.name, b'{"action": "hold"}'),
        (DECISIONS.name, b'{"action": "hold", "transaction_id": {"a": 1}}'),
        (SIGNALS.name, b'{"kind": "listing", "card_id": "c", "until": "yesterday"}'),
        (SIGNALS.name, b"[1]"),
        (DECISIONS.name, json.dumps(decision(1)).encode()),
    ):
        producer.produce(topic, junk, b"key")
    producer.flush()
    _start(running)
    with closing(Database(f"sqlite:///{running.settings.paths.desk}/desk.db")) as database:
        running.wait(lambda: _is_done(database, 1), SECONDS, "what stands behind it is not taken in")


def test_a_second_desk_is_refused_and_the_first_goes_on(running: Stack) -> None:
    _start(running)
    running.start_job("second", "jobs.serve_desk", once=True)
    second = running.processes.processes.pop("second")
    while second.code is None:
        time.sleep(0.1)
    assert second.code == 78
    assert "another desk is active" in second.log.read_text()
    assert running.status(stack.DESK)["state"] == "open"


def _decide_one(database: Database) -> int:
    """Close an open case, as somebody at the desk would; how many that were."""
    with database.writing() as session:
        case = session.scalars(select(Case).where(Case.state == "open").limit(1)).first()
        if case is None:
            return 0
        cases.decide(session, case.id, "anna", "fraud", clock.wall_ms() - cases.UNDO_MS)
    return 1


def _told(database: Database) -> bool:
    with database.reading() as session:
        return policies.untold(session) is None


def _listed(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        return [(each.entity, each.value) for each in lists.in_force(session, 10)]


def _is_done(database: Database, alerts: int) -> bool:
    with database.reading() as session:
        taken = session.scalar(select(func.count()).select_from(Alert)) or 0
        unsent = session.scalar(select(func.count()).where(Message.state != messages.SENT)) or 0
        return taken == alerts and not unsent and not telling.waiting(session)
