"""Landing on a real broker: every record in its one place, whatever it is, through a kill at every point of a batch.

The decision path is not in here: its feature records and decisions are made up from the payments, as they would stand in Kafka.
"""

import json
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from confluent_kafka import Producer
from deltalake import DeltaTable

from pipelines import session
from pipelines.catalog import APPLIED, DECISIONS, FEATURES, QUARANTINE, REPAIRS_TABLE, SIGNALS, TABLES, TRANSACTIONS
from pipelines.config import Lake, Paths, Settings
from pipelines.features import book
from pipelines.flows import accounting, repairing
from pipelines.land import repair
from pipelines.land.landing import AT_ONCE, BEHIND
from pipelines.land.repair import Place
from pipelines.local import landed, stack, topics
from pipelines.local.process import Program
from pipelines.local.project import HERE
from pipelines.local.stack import Stack
from pipelines.monitor import accounts
from pipelines.schemas import DECISION, EVENT, SEQUENCES
from tests.bad_records import BAD_PAYMENTS, BAD_SIGNALS, KEY, payment
from tests.commands import said
from tests.events import Record, payments, signals

SECONDS = 300.0
PAID = payments(400)
KNOWN = list(signals(PAID))
ORDER = ("quarantine", "transactions", "signals", "features", "duplicates", "decisions", "records")
POINTS = ["before quarantine", *(f"after {table}" for table in ORDER), "before applied", "after applied"]
"""Between two commits nothing else is written: after one is before another. `applied` is written beside the others."""
NUMBERS = {"int": 0, "bigint": 0, "double": 0.5, "array<string>": []}

# Landing that is killed by itself, once, at a named point of a batch: `before` or `after` the commit of a table.
DIES = """
import os, signal, sys
from pipelines.land.landing import Landing
from jobs import land_events
when, name = os.environ["DIES"].split()
append = Landing._append
def die(self, table, *rest):
    if when == "after":
        append(self, table, *rest)
    if table.name == name:
        os.kill(os.getpid(), signal.SIGKILL)
    if when == "before":
        append(self, table, *rest)
Landing._append = die
from jobs import entry
entry.run(land_events.main)
"""


def applied(signal: Record) -> bytes:
    """What the stream logs of a signal."""
    about = signal | {"origin": SIGNALS.name, "event_id": signal["signal_id"]}
    fields = [one for one in (*EVENT, *SEQUENCES) if one.required]
    return json.dumps({one.name: about.get(one.name, NUMBERS.get(one.type, "x")) for one in fields}).encode()


class Bank:
    """Sends what a run would hold: payments and signals, good and bad, and what the decision path makes of them."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "compression.type": "gzip", "message.max.bytes": 10_000_000}
        )
        self._decisions: dict[str, bytes] = {}

    def send(self, topic: str, key: bytes | str | None, value: bytes | None) -> None:
        self._producer.produce(topic, value, key)

    def pay(self, part: list[Record], known: list[Record], resent: int = 3, repeated: int = 2) -> None:
        """Payments with their decisions; some are sent twice, some decisions are repeated as after a crash."""
        since = topics.ends(self._bootstrap, TRANSACTIONS.name)
        for one in [*part, *part[:resent]]:
            self.send(TRANSACTIONS.name, one["card_id"], json.dumps(one).encode())
        for one in known:
            self.send(SIGNALS.name, one.get("card_id"), json.dumps(one).encode())
            self.send(APPLIED.name, one.get("card_id"), applied(one))
        self._flush()
        for message in topics.read(self._bootstrap, TRANSACTIONS.name, since):
            self._decide(json.loads(message.value() or b""), message.partition() or 0, message.offset() or 0)
        for one in part[-repeated:]:
            self.send(DECISIONS.name, one["card_id"], self._decisions[one["transaction_id"]])
        self._flush()

    def spoil(self) -> None:
        """Every kind of bad record."""
        for topic, cases in ((TRANSACTIONS, BAD_PAYMENTS), (SIGNALS, BAD_SIGNALS)):
            for value, _ in cases.values():
                self.send(topic.name, KEY, value)
        for topic in (FEATURES, DECISIONS, APPLIED):
            for value in (b"{}", b"not JSON", None):
                self.send(topic.name, KEY, value)
        self._flush()

    def _decide(self, payment: Record, partition: int, offset: int) -> None:
        about = payment | {"source_partition": partition, "source_offset": offset, "event_ms": 1, "decided_at_ms": 1}
        about |= {"kind": "transaction", "origin": TRANSACTIONS.name, "event_id": payment["transaction_id"]}
        about |= {"action": "approve", "probability": 0.5, "rules": [], "reasons": []}
        for topic, fields in ((FEATURES, (*EVENT, *SEQUENCES)), (DECISIONS, DECISION)):
            record = {
                one.name: about.get(one.name, NUMBERS.get(one.type, "x") if one.required else None) for one in fields
            }
            features = {"features": {each.name: 1.0 for each in book.FEATURES}} if topic is FEATURES else {}
            value = json.dumps(record | features).encode()
            self.send(topic.name, payment["card_id"], value)
        self._decisions[payment["transaction_id"]] = value

    def _flush(self) -> None:
        assert self._producer.flush(30) == 0


class Run:
    """A broker, and landing jobs that are started and ended by hand."""

    def __init__(self, running: Stack) -> None:
        self.stack, self.lake = running, running.settings.paths.lake
        self.bank = Bank(running.settings.kafka.bootstrap)

    def land(self) -> None:
        """Land until everything has landed, then stop in order."""
        processes = self.stack.processes
        self.stack.start_job("landing", "jobs.land_events")
        try:
            self.stack.wait(self.is_landed, SECONDS, "not everything lands")
        finally:
            processes.stop(["landing"])

    def die(self, point: str) -> int:
        """Land until it kills itself at a point; its exit code."""
        command = (str(HERE.lake.python), "-c", DIES, "--config", str(self.stack.settings_file))
        job = Program("dying", command, {"DIES": point}, once=True)
        self.stack.processes.start(job)
        dying = self.stack.processes.processes["dying"]
        deadline = time.monotonic() + SECONDS
        while dying.code is None and time.monotonic() < deadline:
            time.sleep(0.1)
        code = dying.code
        self.stack.processes.stop(["dying"], seconds=3)
        assert code is not None, f"it did not die {point}"
        return code

    def put_back(self, reason: str, *mend: str) -> str:
        """What the command says that puts the records of a reason back."""
        place = ("--run", str(self.stack.settings.paths.run), "--replay", reason)
        return said(0, "jobs.quarantine", *place, *mend).stdout

    def is_landed(self) -> bool:
        time.sleep(0.5)
        return landed.holds(self.lake, self.ends())

    def ends(self) -> accounting.Ends:
        return accounting.ends(self.stack.settings.kafka.bootstrap)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        database = duckdb.connect()
        for table in TABLES:
            database.register(table.name, DeltaTable(self.lake / table.name).to_pyarrow_dataset())
        return database.execute(sql).fetchall()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Everything has landed, good and bad, after a kill at every point of a batch."""
    place = tmp_path_factory.mktemp("landing") / "run"
    settings = Settings(lake=Lake(trigger_seconds=1), paths=Paths(run=place))
    with stack.opened(HERE, settings, os.environ, lambda line: None) as running:
        running.start_broker()
        found = Run(running)
        share = len(PAID) // len(POINTS)
        for n, point in enumerate(POINTS):
            found.bank.pay(PAID[n * share : (n + 1) * share], KNOWN[n :: len(POINTS)])
            found.bank.spoil()
            assert found.die(point) == -signal.SIGKILL, point
        found.land()
        yield found


@pytest.mark.timeout(900)
def test_every_record_has_landed_once_and_every_payment_ended_once(run: Run) -> None:
    books = accounts.close(run.lake, run.ends())
    assert books.difference == 0, books
    assert books.decided == len({one["transaction_id"] for one in PAID[: len(PAID) // len(POINTS) * len(POINTS)]})
    assert books.duplicates == 3 * len(POINTS)
    assert books.quarantined == len(BAD_PAYMENTS) * len(POINTS)
    for table in [one for one in TABLES if one != REPAIRS_TABLE]:
        key = (
            "topic, kafka_partition, kafka_offset"
            if table.name in ("records", "quarantine")
            else "kafka_partition, kafka_offset"
        )
        assert run.rows(f"select {key} from {table.name} group by all having count(*) > 1") == [], table.name


def test_repeats_name_the_decision_that_counts(run: Run) -> None:
    causes = dict(run.rows("select cause, count(*) from duplicates group by all"))
    assert causes == {"resent": 3 * len(POINTS), "repeated": 2 * len(POINTS)}
    first = (
        "d.transaction_id = r.transaction_id and d.kafka_partition = first_partition and d.kafka_offset = first_offset"
    )
    assert run.rows(f"select * from duplicates r where not exists (select * from decisions d where {first})") == []
    later = run.rows(
        "select * from duplicates where kafka_partition = first_partition and kafka_offset <= first_offset"
    )
    assert later == []


def test_bad_records_are_in_quarantine_for_their_reason_and_on_its_topic(run: Run) -> None:
    wanted = Counter(reason for cases in (BAD_PAYMENTS, BAD_SIGNALS) for _, reason in cases.values())
    wanted["unreadable"] = 9
    found = dict(run.rows("select reason, count(*) from quarantine group by all"))
    assert found == {reason: count * len(POINTS) for reason, count in wanted.items()}
    told = {
        (row["topic"], row["kafka_partition"], row["kafka_offset"])
        for row in (
            json.loads(message.value() or b"")
            for message in topics.read(run.stack.settings.kafka.bootstrap, QUARANTINE.name, {})
        )
    }
    assert told == set(run.rows("select topic, kafka_partition, kafka_offset from quarantine"))


def test_no_card_number_is_anywhere_in_the_lake(run: Run) -> None:
    spelled = [b"4111111111111111", b"4111 1111 1111 1111", b"4111-1111-1111-1111", b"378282246310005"]
    for (value,) in run.rows("select value from records union all select value from quarantine"):
        assert value is None or not any(number in bytes(value) for number in spelled)
    assert run.rows("select count(*) from records where value is not null and topic = 'transactions'") == [
        tuple(run.rows("select count(*) from transactions")[0])
    ]


def test_a_second_landing_job_refuses(run: Run) -> None:
    run.stack.start_job("landing", "jobs.land_events")
    run.stack.await_open("landing", SECONDS)
    second = said(78, "jobs.land_events", "--config", str(run.stack.settings_file))
    run.stack.processes.stop(["landing"])
    assert "another landing job works" in second.stderr


def test_without_its_checkpoint_it_goes_on_where_it_was(run: Run) -> None:
    before = run.rows("select count(*) from decisions")
    checkpoints = run.stack.settings.paths.checkpoints
    run.bank.spoil()
    run.die("before records")  # its batch stands in every table but the last
    for course in (AT_ONCE, BEHIND):
        shutil.rmtree(checkpoints / course.name)
    run.land()
    books = accounts.close(run.lake, run.ends())
    assert books.difference == 0, books
    assert run.rows("select count(*) from decisions") == before
    assert (
        run.rows("select topic, kafka_partition, kafka_offset from quarantine group by all having count(*) > 1") == []
    )


def test_mended_records_are_put_back_once(run: Run) -> None:
    bootstrap = run.stack.settings.kafka.bootstrap
    refused = run.rows("select kafka_partition, kafka_offset from quarantine where reason = 'unknown_channel'")
    before = topics.ends(bootstrap, TRANSACTIONS.name)
    assert f"would be refused again: unknown_channel {len(refused)}" in run.put_back("unknown_channel")
    assert topics.ends(bootstrap, TRANSACTIONS.name) == before

    first = repair.Record(Place(TRANSACTIONS.name, *refused[0]), KEY, payment(channel="online"))
    spark = session.lake(run.stack.settings.lake)
    repair.note_sending(spark, run.lake, [first], {TRANSACTIONS.name: before})
    repairing.send(bootstrap, [first])  # and then it is killed before it can write that down

    mend = ("--set", "channel=online")
    assert f"put back {len(refused) - 1}" in run.put_back("unknown_channel", *mend)
    assert "put back 0" in run.put_back("unknown_channel", *mend)
    back = [json.loads(message.value() or b"") for message in topics.read(bootstrap, TRANSACTIONS.name, before)]
    assert [one["channel"] for one in back] == ["online"] * len(refused)
    noted = run.rows(
        "select kafka_partition, kafka_offset, sent_partition, sent_offset from repairs where state = 'sent'"
    )
    assert sorted(row[:2] for row in noted) == sorted(refused)
    assert len({row[2:] for row in noted}) == len(refused)
