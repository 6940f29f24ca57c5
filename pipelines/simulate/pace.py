"""An open-loop schedule: payments are meant to be sent at fixed times, whether or not the last ones are through."""

from collections.abc import Iterator

_ROUND = 500
"""Payments handed out at a time, so that other work gets its turn."""


class Pace:
    """Intended send times."""

    def __init__(self, rate: float, start: float) -> None:
        """Plan `rate` payments a second from `start` on, epoch seconds."""
        self._rate, self._start, self._given = rate, start, 0

    @property
    def next(self) -> float:
        """When the next payment is meant to be sent, epoch seconds."""
        return self._start + self._given / self._rate

    def due(self, now: float) -> Iterator[float]:
        """Intended times that have come, oldest first. What is late keeps its time: that is the sender's latency."""
        for _ in range(_ROUND):
            if self.next > now:
                return
            self._given += 1
            yield self._start + (self._given - 1) / self._rate

    def resume(self, now: float) -> None:
        """Move the schedule: nothing was meant to be sent until now."""
        self._start += max(0.0, now - self.next)
