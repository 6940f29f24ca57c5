"""Where scoring goes on: exactly behind the decisions that stand in Kafka.

A restarted score query must lose nothing and should repeat almost nothing. Its own checkpoint is a batch old, so the next
query starts behind the unbroken run of feature offsets whose decisions are there already. `Anchor` bounds how much of
`decisions` has to be read to know that: everything below it is decided.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from kafka import KafkaConsumer, TopicPartition

from pipelines.catalog import APPLIED, DECISIONS, FEATURES

_POSITION: Final = re.compile(rb'"features_partition":(\d+),"features_offset":(\d+)')
PATIENCE_MS: Final = 5_000

Positions = dict[int, int]


class Anchor(NamedTuple):
    """Below `features` (partition -> offset) everything is decided; those above stand at `decisions` or later."""

    features: Positions
    decisions: Positions

    @classmethod
    def read(cls, file: Path) -> "Anchor":
        """The anchor kept in a file, or the very beginning."""
        if not file.exists():
            return cls({}, {})
        kept = json.loads(file.read_text())
        return cls(*({int(partition): offset for partition, offset in kept[part].items()} for part in cls._fields))

    def write(self, file: Path) -> None:
        """Keep the anchor; a reader never sees half of it."""
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps(self._asdict()))
        draft.replace(file)


class Tail:
    """Follows `decisions` from an anchor and knows, for each partition of `features`, the first offset without a decision."""

    def __init__(self, bootstrap: str, anchor: Anchor) -> None:
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            max_poll_records=20_000,
            consumer_timeout_ms=PATIENCE_MS,
        )
        self._partitions = [
            TopicPartition(DECISIONS.name, part) for part in _partitions(self._consumer, DECISIONS.name)
        ]
        self._features = [TopicPartition(FEATURES.name, part) for part in _partitions(self._consumer, FEATURES.name)]
        self._applied = [TopicPartition(APPLIED.name, part) for part in _partitions(self._consumer, APPLIED.name)]
        self._consumer.assign(self._partitions)
        starts = self._consumer.beginning_offsets([*self._partitions, *self._features])
        self._next = {
            part.partition: max(anchor.features.get(part.partition, 0), starts[part]) for part in self._features
        }
        self._ahead: dict[int, set[int]] = {part.partition: set() for part in self._features}
        for part in self._partitions:
            self._consumer.seek(part, max(anchor.decisions.get(part.partition, 0), starts[part]))

    def catch_up(self) -> Positions:
        """Read to the present end of `decisions`; the first undecided feature offset of each partition."""
        ends = self._consumer.end_offsets(self._partitions)
        while any(self._consumer.position(part) < ends[part] for part in self._partitions):
            for records in self._consumer.poll(timeout_ms=200).values():
                self._take(record.value for record in records)
        return dict(self._next)

    def anchor(self) -> Anchor:
        """What is known so far, as the next reader's starting point."""
        return Anchor(dict(self._next), {part.partition: self._consumer.position(part) for part in self._partitions})

    def starting_offsets(self, rehearse: int) -> dict[str, dict[str, int]]:
        """Offsets for the next query: undecided features, and the last `rehearse` records of `applied` as a rehearsal."""
        ends = self._consumer.end_offsets(self._applied)
        starts = self._consumer.beginning_offsets(self._applied)
        return {
            FEATURES.name: {str(partition): offset for partition, offset in self.catch_up().items()},
            APPLIED.name: {str(part.partition): max(starts[part], ends[part] - rehearse) for part in self._applied},
        }

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _take(self, values: Iterator[bytes]) -> None:
        for value in values:
            found = _POSITION.search(value)
            if found:
                partition, offset = int(found[1]), int(found[2])
                if offset >= self._next[partition]:
                    self._ahead[partition].add(offset)
        for partition, ahead in self._ahead.items():
            while self._next[partition] in ahead:
                ahead.remove(self._next[partition])
                self._next[partition] += 1


def _partitions(consumer: KafkaConsumer, topic: str) -> list[int]:
    return sorted(consumer.partitions_for_topic(topic) or {0})
