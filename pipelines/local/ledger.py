"""What was sent, what was decided, how fast: kept from the topics themselves, while they grow.

The first decision about a payment is the decision; later ones are counted as repeats.
"""

import json
from array import array
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final

import numpy as np
from confluent_kafka import Message, TopicPartition

from pipelines.catalog import DECISIONS, QUARANTINE, TRANSACTIONS
from pipelines.local import topics
from pipelines.local.topics import Offsets

FOLLOWED: Final = (TRANSACTIONS.name, DECISIONS.name, QUARANTINE.name)
REMEMBERED: Final = 1_000_000
"""Decided payments whose ids are remembered: more than lies between two checkpoints, so that every repeat is known."""

Decision = Mapping[str, Any]


class Ledger:
    """Follows the payments of one stretch of traffic, from the moment it is opened.

    Attributes:
        sent: records on `transactions`.
        duplicates: of these, records that repeat a transaction_id.
        unreadable: of these, records without a transaction_id; they can only end in quarantine.
        decided: payments with a decision.
        repeats: decisions about a payment that had one.
        quarantined: rows on `quarantine` that are about a payment.
        actions, models: decisions by action and by model version.
        latencies_ms: from the intended send time to the broker's append time of the decision.
    """

    def __init__(self, bootstrap: str, on_decision: Callable[[Decision, int], None]) -> None:
        """`on_decision` is called with every decision that counts and the broker's time of it (epoch milliseconds)."""
        self.since: dict[str, Offsets] = {topic: topics.ends(bootstrap, topic) for topic in FOLLOWED}
        self.sent = self.duplicates = self.unreadable = self.decided = self.repeats = self.quarantined = 0
        self.actions: Counter[str] = Counter()
        self.models: Counter[str] = Counter()
        self.latencies_ms = array("d")
        self._on_decision = on_decision
        self._undecided: set[str] = set()
        self._decided: dict[str, None] = {}
        self._early: dict[str, tuple[Decision, int]] = {}
        self._consumer = topics.reader(bootstrap)
        places = [
            TopicPartition(topic, number, at) for topic, ends in self.since.items() for number, at in ends.items()
        ]
        self._consumer.assign(places)

    @property
    def unaccounted(self) -> int:
        """Records that have neither a decision nor a quarantine row nor are a duplicate."""
        return max(0, len(self._undecided) + self.unreadable - self.quarantined)

    def follow(self, most: int = 2_000) -> int:
        """Take in what has arrived; how many records that was. Does not wait."""
        messages = self._consumer.consume(most, timeout=0)
        for message in messages:
            if message.error() is None:
                self._take(message)
        return len(messages)

    def percentiles_ms(self) -> dict[str, float | None]:
        """Latency of all decisions so far."""
        wanted = {"p50": 50, "p90": 90, "p99": 99, "p999": 99.9, "max": 100}
        return {name: percentile(self.latencies_ms, share) for name, share in wanted.items()}

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _take(self, message: Message) -> None:
        topic, value = message.topic(), _parsed(message.value())
        if topic == TRANSACTIONS.name:
            self._sent(value.get("transaction_id"))
        elif topic == QUARANTINE.name:
            self.quarantined += value.get("topic", TRANSACTIONS.name) == TRANSACTIONS.name
        elif isinstance(value.get("transaction_id"), str):
            self._decide(value, message.timestamp()[1])

    def _sent(self, transaction_id: Any) -> None:
        self.sent += 1
        if not isinstance(transaction_id, str):
            self.unreadable += 1
        elif transaction_id in self._undecided or transaction_id in self._decided:
            self.duplicates += 1
        elif transaction_id in self._early:
            self._settle(transaction_id, *self._early.pop(transaction_id))
        else:
            self._undecided.add(transaction_id)

    def _decide(self, decision: Decision, at_ms: int) -> None:
        transaction_id = decision["transaction_id"]
        if transaction_id in self._undecided:
            self._undecided.remove(transaction_id)
            self._settle(transaction_id, decision, at_ms)
        elif transaction_id in self._decided:
            self.repeats += 1
        else:  # its payment was sent before this stretch, or its record comes later over another partition
            self._early.setdefault(transaction_id, (decision, at_ms))

    def _settle(self, transaction_id: str, decision: Decision, at_ms: int) -> None:
        self.decided += 1
        self._decided[transaction_id] = None
        for old in list(islice(self._decided, max(0, len(self._decided) - REMEMBERED))):
            del self._decided[old]
        self.actions[decision["action"]] += 1
        self.models[decision["model_version"]] += 1
        if decision.get("sent_at_ms"):
            self.latencies_ms.append(at_ms - decision["sent_at_ms"])
        self._on_decision(decision, at_ms)


def percentile(values: "array[float] | list[float]", share: float) -> float | None:
    """The value that `share` percent do not exceed; None of nothing."""
    return round(float(np.percentile(np.asarray(values), share)), 2) if len(values) else None


def _parsed(value: bytes | str | None) -> Mapping[str, Any]:
    try:
        parsed = json.loads(value or b"")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
