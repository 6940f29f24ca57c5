"""Sends the bank's payments when they are due, with the mishaps of real life in between."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pipelines.catalog import TRANSACTIONS
from pipelines.simulate.outbox import Outbox
from pipelines.simulate.pace import Pace
from pipelines.simulate.spoil import Mishaps


class Teller:
    """Hands payments to the outbox at their intended times."""

    def __init__(self, payments: Iterator[dict[str, Any]], pace: Pace, outbox: Outbox, mishaps: Mishaps) -> None:
        """Take over the counter.

        Args:
            payments: records of schemas.TRANSACTION in event-time order.
            pace: when each is meant to be sent; the time goes into `sent_at_ms`.
            outbox: where they go. When it is full nothing is sent, and the schedule moves.
            mishaps: bad and repeated records; they come on top of the payments.
        """
        self._payments, self._pace, self._outbox, self._mishaps = payments, pace, outbox, mishaps
        self.bad = self.repeated = 0
        self.simulated_time = ""
        self.finished = False

    def send(self, now: float) -> None:
        """Send every payment that was due by `now`, epoch seconds."""
        if self._outbox.full:
            self._pace.resume(now)
        for intended in () if self._outbox.full else self._pace.due(now):
            record = next(self._payments, None)
            if record is None:
                self.finished = True
                break
            self._send(record, intended)

    @property
    def simulated_ms(self) -> int:
        """Event time of the last payment, epoch milliseconds; 0 before the first."""
        if not self.simulated_time:
            return 0
        return round(datetime.fromisoformat(self.simulated_time).timestamp() * 1000)

    def _send(self, record: dict[str, Any], intended: float) -> None:
        record["sent_at_ms"] = int(intended * 1000)
        key, value = record["card_id"], json.dumps(record).encode()
        self._outbox.put(TRANSACTIONS.name, key, value)
        self.simulated_time = record["event_time"]
        if bad := self._mishaps.bad(record):
            self._outbox.put(TRANSACTIONS.name, key, bad)
            self.bad += 1
        if again := self._mishaps.repeat(key, value):
            self._outbox.put(TRANSACTIONS.name, *again)
            self.repeated += 1
