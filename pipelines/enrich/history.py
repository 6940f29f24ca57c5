"""Whether the state has taken in the history that was published to fill it."""

import re
import time
from typing import Final

from kafka import KafkaConsumer, TopicPartition

from pipelines.catalog import APPLIED, HISTORY, HISTORY_COMPLETE

_OFFSET: Final = re.compile(rb'"origin":"history","source_partition":\d+,"source_offset":(\d+)')
_WINDOW: Final = 500
NEARLY: Final = 0.99
QUIET_SECONDS: Final = 5.0


class Filling:
    """Watches `history` and `applied`. Both have one partition."""

    def __init__(self, bootstrap: str) -> None:
        self._consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, check_crcs=False)
        self._target: int | None = None
        self._reached, self._since = -1, time.monotonic()

    def share(self) -> float:
        """Share of the published history that is in the state: 0 while none is complete, 1 when all is.

        Records that were refused never show: nearly all and no more for a while is all.
        """
        if self._target is None:
            self._target = self._published()
        if self._target is None:
            return 0.0
        reached = max(
            (int(found[1]) for value, _ in self._last(APPLIED.name) if (found := _OFFSET.search(value))), default=0
        )
        if reached != self._reached:
            self._reached, self._since = reached, time.monotonic()
        share = (reached + 1) / (self._target + 1)
        return 1.0 if share > NEARLY and time.monotonic() - self._since > QUIET_SECONDS else min(1.0, share)

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _published(self) -> int | None:
        """Offset of the last record of a complete history."""
        last = self._last(HISTORY.name, 1)
        complete = last and HISTORY_COMPLETE in last[0][1]
        return (
            self._consumer.end_offsets([TopicPartition(HISTORY.name, 0)])[TopicPartition(HISTORY.name, 0)] - 1
            if complete
            else None
        )

    def _last(self, topic: str, count: int = _WINDOW) -> list[tuple[bytes, list[tuple[str, bytes]]]]:
        part = TopicPartition(topic, 0)
        self._consumer.assign([part])
        end = self._consumer.end_offsets([part])[part]
        self._consumer.seek(part, max(self._consumer.beginning_offsets([part])[part], end - count))
        found = []
        while self._consumer.position(part) < end:
            for records in self._consumer.poll(timeout_ms=500).values():
                found += [(record.value, list(record.headers)) for record in records]
        return found
