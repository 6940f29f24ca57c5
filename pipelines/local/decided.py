"""First decisions about numbered payments, read back from the topic: nothing is read while a measurement is under way."""

import json
from array import array
from collections.abc import Callable
from itertools import takewhile
from typing import Any, Final

import numpy as np
from confluent_kafka import Consumer, Message, TopicPartition
from numpy.typing import NDArray

from pipelines.catalog import DECISIONS
from pipelines.local import topics

MOST: Final = 20_000
Number = Callable[[str], int | None]


class Decided:
    """Decisions from the moment this is made.

    Attributes:
        sent_ms: intended send time by number of the payment, 0 where there is no decision yet.
        decided_ms: the broker's append time of its first decision, 0 where there is none yet.
        decided: how many have a decision.
        first_by_model: append time of the first decision of each model version.
    """

    def __init__(self, bootstrap: str, number: Number, first: int, count: int) -> None:
        """Count payments `first` to `first + count`; `number` tells the number from a transaction_id, None of others."""
        self._bootstrap, self._number, self._first = bootstrap, number, first
        self._since = topics.ends(bootstrap, DECISIONS.name)
        self._consumer: Consumer | None = None
        self.sent_ms, self.decided_ms = np.zeros(count, np.int64), np.zeros(count, np.int64)
        self.decided = 0
        self._repeated_ms = array("q")
        self.first_by_model: dict[str, int] = {}

    def follow(self) -> int:
        """Take in what has arrived; how many decisions that was."""
        consumer = self._consumer = self._consumer or self._opened()
        batches = iter(lambda: consumer.consume(MOST, timeout=0.2), [])
        return sum(sum(map(self._take, batch)) for batch in takewhile(bool, batches))

    def repeats(self, since_ms: float = 0, until_ms: float = float("inf")) -> int:
        """How many decisions were appended in a time about payments that had one."""
        return sum(since_ms <= at < until_ms for at in self._repeated_ms)

    def times(self) -> NDArray[np.int64]:
        """Append times of all first decisions, in order of the payments."""
        return self.decided_ms[self.decided_ms > 0]

    def first_sent_since(self, since_ms: float) -> int | None:
        """Append time of the first decision about a payment that was sent at `since_ms` or later."""
        found = self.decided_ms[(self.sent_ms >= since_ms) & (self.decided_ms > 0)]
        return int(found.min()) if len(found) else None

    def close(self) -> None:
        """Let go of the broker."""
        if self._consumer:
            self._consumer.close()

    def _opened(self) -> Consumer:
        """Only now: an open consumer fetches ahead whether it is asked or not."""
        consumer = topics.reader(self._bootstrap)
        consumer.assign([TopicPartition(DECISIONS.name, number, at) for number, at in self._since.items()])
        return consumer

    def _take(self, message: Message) -> bool:
        if message.error() is not None:
            return False
        self.add(json.loads(message.value() or b"{}"), message.timestamp()[1])
        return True

    def add(self, decision: dict[str, Any], at_ms: int) -> None:
        """Take in a decision and the broker's time of it."""
        number = self._number(str(decision.get("transaction_id")))
        if number is None or number >= self._first + len(self.decided_ms):
            return
        place = number - self._first
        if place < 0 or self.decided_ms[place]:
            self._repeated_ms.append(at_ms)
            return
        self.sent_ms[place], self.decided_ms[place] = decision["sent_at_ms"], at_ms
        self.decided += 1
        model = decision["model_version"]
        self.first_by_model[model] = min(at_ms, self.first_by_model.get(model, at_ms))
