"""Where scoring goes on: exactly behind the decisions that stand in Kafka.

A restarted score query must lose nothing and should repeat almost nothing. Its own checkpoint is a batch old, so the next
query starts behind the unbroken run of feature offsets whose decisions are there already. After a crash the stateful query
repeats features of payments that were decided long ago: those are known by the offsets of the payments, and passed over.
`Anchor` bounds how much of `decisions` has to be read to know all that.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Final, NamedTuple

from kafka import KafkaConsumer, TopicPartition

from pipelines.catalog import APPLIED, DECISIONS, FEATURES, TRANSACTIONS
from pipelines.folders import Folder, put, text
from pipelines.ingest import topics

_POSITION: Final = re.compile(
    rb'"source_partition":(\d+),"source_offset":(\d+),"features_partition":(\d+),"features_offset":(\d+)'
)
_SOURCE: Final = re.compile(rb'"source_partition":(\d+),"source_offset":(\d+)')
PATIENCE_MS: Final = 5_000
MOST_OPEN: Final = 5_000
MOST_READ: Final = 5_000
"""Feature records that are looked at in one go."""

Positions = dict[int, int]


class Run:
    """Offsets of one partition of `transactions` that have a decision: from `since` up to `until`, those in `missing` excepted.

    What was refused stays missing for ever: beyond MOST_OPEN of these, the run begins behind the earliest. What lies before
    the run may be decided or not.
    """

    def __init__(self, since: int, until: int, missing: Iterable[int] = ()) -> None:
        """A run of decided offsets."""
        self.since, self.until, self.missing = since, until, set(missing)

    def add(self, offset: int) -> None:
        """Take in a decision."""
        if offset - self.until > MOST_OPEN:
            self.since, self.until, self.missing = offset, offset + 1, set()
        elif offset >= self.until:
            self.missing.update(range(self.until, offset))
            self.until = offset + 1
        else:
            self.missing.discard(offset)
        while len(self.missing) > MOST_OPEN:
            self.since = min(self.missing) + 1
            self.missing.discard(self.since - 1)

    def __contains__(self, offset: int) -> bool:
        """Whether an offset has a decision."""
        return self.since <= offset < self.until and offset not in self.missing

    @property
    def sql(self) -> str:
        """SQL that is true for an offset that has a decision."""
        but = f" and source_offset not in ({', '.join(map(str, sorted(self.missing)))})" if self.missing else ""
        return f"source_offset between {self.since} and {self.until - 1}{but}"


class Anchor(NamedTuple):
    """Where to go on reading.

    Below `features` (partition -> offset) everything is decided; decisions that are not in `payments` (partition -> run of
    payments that are decided) stand at `decisions` or later.
    """

    features: Positions
    decisions: Positions
    payments: dict[int, tuple[int, int, list[int]]]

    @classmethod
    def read(cls, file: Folder) -> "Anchor":
        """The anchor kept in a file, or the very beginning."""
        if not file.exists():
            return cls({}, {}, {})
        kept = json.loads(text(file))
        return cls(*({int(partition): at for partition, at in kept[part].items()} for part in cls._fields))

    def write(self, file: Folder) -> None:
        """Keep the anchor; a reader never sees half of it."""
        put(file, json.dumps(self._asdict()))


def behind(place: int, records: Iterable[tuple[int, bytes]], is_decided: Callable[[int, int], bool]) -> int:
    """The place behind feature records in a row whose payments are decided: a crash repeated them, and they were passed over.

    Args:
        place: the first of them.
        records: offset and value of feature records from there on.
        is_decided: whether the payment at a partition and offset has a decision.
    """
    for offset, value in records:
        found = _SOURCE.search(value)
        if not found or not is_decided(*map(int, found.groups())):
            break
        place = offset + 1
    return place


class Tail:
    """Follows `decisions` from an anchor and knows, for each partition of `features`, the first offset without a decision."""

    def __init__(self, bootstrap: str, anchor: Anchor) -> None:
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            max_poll_records=20_000,
            consumer_timeout_ms=PATIENCE_MS,
            check_crcs=False,  # in Python it takes longer than everything else; a place that is wrong does not match a record
        )
        self._bootstrap = bootstrap
        self._partitions = topics.partitions(self._consumer, DECISIONS.name)
        features = topics.partitions(self._consumer, FEATURES.name)
        self._consumer.assign(self._partitions)
        starts = self._consumer.beginning_offsets([*self._partitions, *features])
        self._next = {part.partition: max(anchor.features.get(part.partition, 0), starts[part]) for part in features}
        self._ahead: dict[int, set[int]] = {part.partition: set() for part in features}
        self._stood: Positions = {}
        self._payments = {partition: Run(*run) for partition, run in anchor.payments.items()}
        for part in self._partitions:
            self._consumer.seek(part, max(anchor.decisions.get(part.partition, 0), starts[part]))

    def catch_up(self) -> Positions:
        """Read to the present end of `decisions`; the first undecided feature offset of each partition."""
        ends = self._consumer.end_offsets(self._partitions)
        while any(self._consumer.position(part) < ends[part] for part in self._partitions):
            for records in self._consumer.poll(timeout_ms=200).values():
                self._take(record.value for record in records)
        return dict(self._next)

    def pass_over(self) -> None:
        """Go on behind features that have no decision of their own, because their payments had one before a crash.

        Otherwise the first of them would be the place for good, and every new query would read from there. What a place stands at
        when it is called may still be on its way to its decision; what it stands at the next time as well is not.
        """
        ends = topics.ends(self._consumer, FEATURES.name)
        for partition, ahead in self._ahead.items():
            begin = self._next[partition]
            until = min(min(ahead, default=ends.get(partition, begin)), begin + MOST_READ)
            if begin < until and begin == self._stood.get(partition):
                self._next[partition] = behind(begin, self._features_between(partition, begin, until), self._is_decided)
        self._join()
        self._stood = dict(self._next)

    def anchor(self) -> Anchor:
        """What is known so far, as the next reader's starting point."""
        runs = {partition: (run.since, run.until, sorted(run.missing)) for partition, run in self._payments.items()}
        return Anchor(
            dict(self._next), {part.partition: self._consumer.position(part) for part in self._partitions}, runs
        )

    def waiting(self) -> int:
        """How many payments lie behind those that are decided; 0 where none ever was."""
        ends = topics.ends(self._consumer, TRANSACTIONS.name)
        return sum(ends[partition] - run.until for partition, run in self._payments.items() if partition in ends)

    def decided(self) -> str:
        """SQL over feature records: true for the payments that are known to have a decision."""
        ends = topics.ends(self._consumer, TRANSACTIONS.name)
        # a run beyond the end is that of a topic that is no more
        runs = (item for item in self._payments.items() if item[1].until <= ends.get(item[0], 0))
        known = [f"(source_partition = {partition} and {run.sql})" for partition, run in runs]
        return f"topic = '{FEATURES.name}' and ({' or '.join(known)})" if known else "false"

    def starting_offsets(self, rehearse: int) -> dict[str, dict[str, int]]:
        """Offsets for the next query: undecided features, and the last `rehearse` records of `applied` as a rehearsal."""
        return {
            FEATURES.name: {str(partition): offset for partition, offset in self.catch_up().items()},
            APPLIED.name: topics.last(self._consumer, APPLIED.name, rehearse),
        }

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _is_decided(self, partition: int, payment: int) -> bool:
        return partition in self._payments and payment in self._payments[partition]

    def _features_between(self, partition: int, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Feature records of a partition: offset and value."""
        where = TopicPartition(FEATURES.name, partition)
        with closing(KafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False)) as consumer:
            consumer.assign([where])
            consumer.seek(where, begin)
            deadline = time.monotonic() + PATIENCE_MS / 1_000
            while consumer.position(where) < end and time.monotonic() < deadline:
                for record in consumer.poll(timeout_ms=200).get(where, ()):
                    if record.offset < end:
                        yield record.offset, record.value

    def _take(self, values: Iterator[bytes]) -> None:
        for value in values:
            found = _POSITION.search(value)
            if found:
                payment_partition, payment, partition, offset = map(int, found.groups())
                self._payments.setdefault(payment_partition, Run(payment, payment)).add(payment)
                if offset >= self._next[partition]:
                    self._ahead[partition].add(offset)
        self._join()

    def _join(self) -> None:
        """Move on over decisions that are next in line."""
        for partition, ahead in self._ahead.items():
            while self._next[partition] in ahead:
                ahead.remove(self._next[partition])
                self._next[partition] += 1
