"""Whether the state has taken in the history that was published to fill it."""

import re
import time
from typing import Final

from kafka import KafkaConsumer, TopicPartition

from pipelines.catalog import APPLIED, HISTORY, HISTORY_COMPLETE, Topic

_OFFSET: Final = re.compile(rb'"origin":"history","source_partition":\d+,"source_offset":(\d+)')
_WINDOW: Final = 500
NEARLY: Final = 0.99
QUIET_SECONDS: Final = 5.0


class Filling:
    """Watches `history` and the topic that the state logs it to. Both have one partition."""

    def __init__(self, bootstrap: str, logged: Topic = APPLIED) -> None:
        """`logged`: where what the state took in is written."""
        self._logged = logged.name
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
        reached = self._taken_in()
        if reached != self._reached:
            self._reached, self._since = reached, time.monotonic()
        share = (reached + 1) / (self._target + 1)
        return 1.0 if share > NEARLY and time.monotonic() - self._since > QUIET_SECONDS else min(1.0, share)

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _published(self) -> int | None:
        """Offset of the last record of a complete history."""
        begin, end = self._bounds(HISTORY.name)
        last = self._read(HISTORY.name, max(begin, end - 1), end)
        return end - 1 if last and HISTORY_COMPLETE in last[0][1] else None

    def _taken_in(self) -> int:
        """The highest offset of `history` in what was logged, looked for from its end backwards: signals may have come since."""
        begin, until = self._bounds(self._logged)
        window = _WINDOW
        while until > begin:
            since = max(begin, until - window)
            values = (value for value, _ in self._read(self._logged, since, until))
            if found := [int(match[1]) for value in values if (match := _OFFSET.search(value))]:
                return max(found)
            until, window = since, window * 4
        return -1

    def _bounds(self, topic: str) -> tuple[int, int]:
        part = TopicPartition(topic, 0)
        return self._consumer.beginning_offsets([part])[part], self._consumer.end_offsets([part])[part]

    def _read(self, topic: str, since: int, until: int) -> list[tuple[bytes, list[tuple[str, bytes]]]]:
        part = TopicPartition(topic, 0)
        self._consumer.assign([part])
        self._consumer.seek(part, since)
        found = []
        while self._consumer.position(part) < until:
            for records in self._consumer.poll(timeout_ms=500).values():
                found += [(record.value, list(record.headers)) for record in records if record.offset < until]
        return found
