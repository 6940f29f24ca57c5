"""The last ten seconds of traffic, and the last few alerts in words."""

import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pipelines.local.ledger import Decision, Ledger, percentile

SECONDS: Final = 10.0
ALERTS: Final = 5


class Glance(NamedTuple):
    """What one look at the traffic shows."""

    seconds: float
    simulated_time: str
    sent: int
    sent_per_second: float
    decided_per_second: float
    p50_ms: float | None
    p99_ms: float | None
    undecided: int
    actions: dict[str, int]
    alerts: tuple[str, ...]
    model: str
    memory_mb: int
    failing: tuple[str, ...] = ()


class Window:
    """Takes in decisions as the ledger settles them.

    Attributes:
        first_decision_at, first_alert_at: wall clock of the broker's append time, epoch seconds; None before there is one.
    """

    def __init__(self) -> None:
        """The window opens now."""
        self._began = time.monotonic()
        self._latencies: deque[tuple[float, float]] = deque()
        self._counts: deque[tuple[float, int, int]] = deque()
        self._alerts: deque[str] = deque(maxlen=ALERTS)
        self._last: Decision = {}
        self.first_decision_at: float | None = None
        self.first_alert_at: float | None = None

    def take(self, decision: Decision, at_ms: int) -> None:
        """Take in a decision and the broker's time of it, epoch milliseconds."""
        self._last = decision
        self.first_decision_at = self.first_decision_at or at_ms / 1000
        if decision.get("sent_at_ms"):
            self._latencies.append((time.monotonic(), at_ms - decision["sent_at_ms"]))
        if decision["action"] != "approve":
            self.first_alert_at = self.first_alert_at or at_ms / 1000
            self._alerts.append(in_words(decision))

    def glance(self, ledger: Ledger, memory_mb: int, failing: Iterable[str] = ()) -> Glance:
        """What there is to see now; `failing` names quality suites."""
        now = time.monotonic()
        self._counts.append((now, ledger.sent, ledger.decided))
        for kept in (self._counts, self._latencies):
            while kept and now - kept[0][0] > SECONDS:
                kept.popleft()
        then, sent, decided = self._counts[0]
        span = max(now - then, 1e-9)
        latencies = [latency for _, latency in self._latencies]
        return Glance(
            seconds=now - self._began,
            simulated_time=moment(self._last["event_ms"]) if self._last else "",
            sent=ledger.sent,
            sent_per_second=(ledger.sent - sent) / span,
            decided_per_second=(ledger.decided - decided) / span,
            p50_ms=percentile(latencies, 50),
            p99_ms=percentile(latencies, 99),
            undecided=ledger.unaccounted,
            actions=dict(ledger.actions),
            alerts=tuple(self._alerts),
            model=str(self._last.get("model_version", "")),
            memory_mb=memory_mb,
            failing=tuple(failing),
        )


def in_words(decision: Decision) -> str:
    """An alert as one line: when, what, how much, on which card and where, why."""
    amount = f"{decision['amount_minor'] / 100:,.2f} {decision['currency']}"
    why = "; ".join(decision["reasons"]) or f"probability {decision['probability']:.0%}"
    place = f"card {decision['card_id']} at {decision['merchant_id']}"
    return f"{moment(decision['event_ms'])} {decision['action']}: {amount}, {place}: {why}"


def moment(event_ms: Any) -> str:
    """A simulated time for people, to the minute."""
    return datetime.fromtimestamp(event_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
