"""Records sent when they are due, come what may: a system that is slow cannot slow the sender down and look fast by it."""

import json
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

from pipelines import status
from pipelines.catalog import SIGNALS, TRANSACTIONS
from pipelines.simulate.outbox import Outbox
from pipelines.simulate.pace import Pace

Event = tuple[str, dict[str, Any]]
"""Topic and record."""

_SHORTEST_WAIT: Final = 0.001
_LONGEST_WAIT: Final = 0.02
_STATUS_SECONDS: Final = 1.0
_FLUSH_SECONDS: Final = 10.0


def run(events: Iterator[Event], rate: float, outbox: Outbox, said: Path, stopped: Callable[[], bool]) -> None:
    """Send until there is nothing more or `stopped` says so.

    Args:
        events: in event-time order. Payments are meant to be sent `rate` a second; a signal goes right before the payment
            that follows it.
        rate: payments a second.
        outbox: where they go. While the broker is away the schedule goes on: what was due then is sent late.
        said: status file, rewritten every second: state, message, began (epoch seconds of the first intended send), sent,
            acknowledged and failed (payments), verdicts (acknowledged signals), simulated_time (of the last payment).
        stopped: asked all the time.

    Raises:
        Unavailable: the broker refuses this producer.
    """
    primed = chain([first] if (first := next(events, None)) else [], events)  # what takes long to begin has begun
    loop = OpenLoop(primed, rate, outbox, time.time())
    report_at = 0.0
    while not (stopped() or loop.finished):
        loop.send(time.time())
        outbox.poll()
        if time.time() >= report_at:
            report_at = time.time() + _STATUS_SECONDS
            status.report(said, "open", outbox.trouble, **loop.facts())
        time.sleep(min(max(loop.next - time.time(), _SHORTEST_WAIT), _LONGEST_WAIT))
    outbox.close(_FLUSH_SECONDS)
    status.report(said, "stopped", outbox.trouble, **loop.facts())


class OpenLoop:
    """Hands records to an outbox at their intended times."""

    def __init__(self, events: Iterator[Event], rate: float, outbox: Outbox, began: float) -> None:
        """The first payment is meant to be sent at `began`, epoch seconds."""
        self._events, self._outbox, self._began = events, outbox, began
        self._pace = Pace(rate, began)
        self._simulated_time = ""
        self.finished = False

    @property
    def next(self) -> float:
        """When the next payment is meant to be sent, epoch seconds."""
        return self._pace.next

    def send(self, now: float) -> None:
        """Send what was due by `now`, epoch seconds; nothing while the outbox is full."""
        for intended in () if self._outbox.full else self._pace.due(now):
            payment = self._payment()
            if payment is None:
                self.finished = True
                return
            payment["sent_at_ms"] = int(intended * 1000)
            self._simulated_time = payment.get("event_time", self._simulated_time)
            self._put(TRANSACTIONS.name, payment)

    def facts(self) -> dict[str, Any]:
        """How far it is, for the status file."""
        outbox, topic = self._outbox, TRANSACTIONS.name
        return {
            "began": self._began,
            "sent": outbox.sent[topic],
            "acknowledged": outbox.acknowledged[topic],
            "failed": outbox.failed[topic],
            "verdicts": outbox.acknowledged[SIGNALS.name],
            "simulated_time": self._simulated_time,
        }

    def _payment(self) -> dict[str, Any] | None:
        """The next payment; signals before it are sent on the way."""
        for topic, record in self._events:
            if topic == TRANSACTIONS.name:
                return record
            self._put(topic, record)
        return None

    def _put(self, topic: str, record: dict[str, Any]) -> None:
        self._outbox.put(topic, record.get("card_id"), json.dumps(record).encode())
