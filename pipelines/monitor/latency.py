"""End-to-end latency from numbers: percentiles, the course over time, and where the flow stood still. No Kafka, no Spark.

All times are epoch milliseconds. `sent` is when a payment was meant to be sent, `decided` when the broker appended its first
decision: what a slow system does to the sender counts as its latency (Tene, How NOT to Measure Latency, 2015).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]

PERCENTILES: Final = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p999": 99.9, "max": 100.0}
STANDSTILL_MS: Final = 100
"""A pause between two decisions that is worth telling: at any rate from 50 a second on it is not chance."""


class Course(NamedTuple):
    """Decided payments, one entry each, in order of `sent`."""

    sent: Times
    decided: Times

    @property
    def latencies(self) -> Times:
        """Milliseconds from intended send to decision."""
        return np.asarray(self.decided - self.sent)

    def between(self, start: float, until: float) -> "Course":
        """Payments meant to be sent from `start` (inclusive) until `until` (exclusive)."""
        chosen = (self.sent >= start) & (self.sent < until)
        return Course(self.sent[chosen], self.decided[chosen])

    def percentiles(self) -> dict[str, float | None]:
        """Latency in milliseconds by PERCENTILES; None of nothing."""
        if not len(self.sent):
            return dict.fromkeys(PERCENTILES)
        found = np.percentile(self.latencies, list(PERCENTILES.values()))
        return {name: round(float(value), 2) for name, value in zip(PERCENTILES, found, strict=True)}

    def by_second(self) -> dict[int, dict[str, float | None]]:
        """Percentiles of each second of `sent`, by seconds since the first."""
        if not len(self.sent):
            return {}
        second = (self.sent - self.sent[0]) // 1000
        bounds = np.flatnonzero(np.diff(second)) + 1
        parts = zip(np.split(self.sent, bounds), np.split(self.decided, bounds), strict=True)
        return {int((sent[0] - self.sent[0]) // 1000): Course(sent, decided).percentiles() for sent, decided in parts}


def standstills(decided: Times, most: int = 20) -> list[tuple[int, int]]:
    """The longest pauses between decisions, as (when it began, milliseconds), in order of time."""
    times = np.sort(decided)
    pauses = np.diff(times)
    longest = [place for place in np.argsort(-pauses)[:most] if pauses[place] >= STANDSTILL_MS]
    return [(int(times[place]), int(pauses[place])) for place in sorted(longest)]


def longest_pause(decided: Times, since: float, until: float) -> int | None:
    """The longest time without a decision that overlaps a stretch, milliseconds; None without decisions on both sides."""
    times = np.sort(decided)
    first, last = np.searchsorted(times, since, "right") - 1, np.searchsorted(times, until)
    if first < 0 or last >= len(times):
        return None
    return int(np.diff(times[first : last + 1]).max(initial=0))
