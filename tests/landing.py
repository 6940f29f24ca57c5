"""A run of landing jobs that are started, killed and ended by hand, with a bank that sends what a whole system would have sent.

The decision path is not in here: its feature records and decisions are made up from the payments, as they would stand in Kafka.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
from confluent_kafka import Producer
from deltalake import DeltaTable

from pipelines.catalog import APPLIED, DECISIONS, FEATURES, SIGNALS, TABLES, TRANSACTIONS
from pipelines.config import Lake, Paths, Settings
from pipelines.features import book
from pipelines.flows import accounting
from pipelines.local import landed, stack, topics
from pipelines.local.process import Program
from pipelines.local.project import HERE
from pipelines.local.stack import Stack
from pipelines.schemas import DECISION, EVENT, SEQUENCES
from tests.bad_records import BAD_PAYMENTS, BAD_SIGNALS, KEY
from tests.commands import said
from tests.events import Record

SECONDS = 300.0
NUMBERS = {"int": 0, "bigint": 0, "double": 0.5, "array<string>": []}

# Landing that ends at points of a batch, one after the other: `before` or `after` the commit of a table. At the last one the
# process kills itself; at the others the batch fails and landing starts again in the same process, which is the same to the lake.
DIES = """
import os, signal, sys
from pathlib import Path
from pipelines import config
from pipelines.errors import Unaccounted
from pipelines.flows import landing
from pipelines.land.landing import Landing
points = [point.split() for point in os.environ["DIES"].split(",")]
append, hold, held = Landing._append, landing.hold, []
def die(self, table, *rest):
    when, name = points[0]
    if when == "after":
        append(self, table, *rest)
    if table.name == name:
        if len(points) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        del points[0]
        raise RuntimeError(f"{when} {name}")
    if when == "before":
        append(self, table, *rest)
def hold_once(spark, checkpoint):
    if not held:
        held.append(hold(spark, checkpoint))
Landing._append, landing.hold = die, hold_once
while True:
    try:
        landing.run(config.load(Path(sys.argv[2])), lambda: False)
    except Unaccounted as problem:
        print(problem, flush=True)
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
        self.decisions: dict[str, bytes] = {}
        self.connect()

    def connect(self) -> None:
        """Look at the topics anew: a producer would notice new partitions after minutes."""
        self._producer = Producer(
            {"bootstrap.servers": self._bootstrap, "compression.type": "gzip", "message.max.bytes": 10_000_000}
        )

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
            self.send(DECISIONS.name, one["card_id"], self.decisions[one["transaction_id"]])
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
        self.decisions[payment["transaction_id"]] = value

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

    def die(self, *points: str) -> int:
        """Land and end at each of some points in turn, at the last one by signal; the exit code."""
        command = (str(HERE.lake.python), "-c", DIES, "--config", str(self.stack.settings_file))
        job = Program("dying", command, {"DIES": ",".join(points)}, once=True)
        self.stack.processes.start(job)
        dying = self.stack.processes.processes["dying"]
        deadline = time.monotonic() + SECONDS
        while dying.code is None and time.monotonic() < deadline:
            time.sleep(0.1)
        code = dying.code
        self.stack.processes.stop(["dying"], seconds=3)
        assert code is not None, f"it did not die {points[-1]}"
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


@contextmanager
def opened(place: Path) -> Iterator[Run]:
    """A run with a broker and nothing else."""
    settings = Settings(lake=Lake(trigger_seconds=1), paths=Paths(run=place))
    with stack.opened(HERE, settings, os.environ, lambda line: None) as running:
        running.start_broker()
        yield Run(running)
