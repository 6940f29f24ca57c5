"""Records on their way to the broker: idempotent, acknowledged by all replicas, counted by topic."""

from collections import Counter
from typing import Any, Final

from confluent_kafka import KafkaError, Message, Producer

from pipelines.errors import Unavailable

BOUND: Final = 20_000
"""Unacknowledged records from which on nothing more is sent."""


class Outbox:
    """A producer that waits for a lost broker as long as it takes, and never sends a record under another id."""

    def __init__(self, bootstrap: str) -> None:
        """Send to the broker at `bootstrap`, once it is there."""
        self.sent: Counter[str] = Counter()
        self.acknowledged: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.trouble = ""
        self._fatal = ""
        settings: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 0.2,  # what is due in the same millisecond goes together
            "partitioner": "murmur2_random",
            "message.timeout.ms": 0,
            "queue.buffering.max.messages": 2 * BOUND,
            "reconnect.backoff.max.ms": 1_000,
            "log_level": 0,  # trouble is told in the status, not on the terminal
            "error_cb": self._complain,
        }
        self._producer = Producer(settings)

    @property
    def full(self) -> bool:
        """Whether so much is unacknowledged that sending has to pause."""
        return len(self._producer) >= BOUND

    def put(self, topic: str, key: str | None, value: bytes) -> None:
        """Hand a record over; the broker's answer is counted later, in `poll`."""
        self._producer.produce(topic, value, key, on_delivery=self._delivered)
        self.sent[topic] += 1

    def poll(self) -> None:
        """Count what the broker has answered.

        Raises:
            Unavailable: the producer cannot go on, so that order or uniqueness would be lost.
        """
        self._producer.poll(0)
        if self._fatal:
            raise Unavailable(f"the broker refuses this producer for good ({self._fatal}): start the bank again")

    def close(self, seconds: float) -> None:
        """Wait for outstanding answers; what has none by then is given up and counted as failed."""
        if self._producer.flush(seconds):
            self._producer.purge()
            self._producer.flush(1)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        topic = str(message.topic())
        if error is None:
            self.acknowledged[topic] += 1
            self.trouble = ""
        else:
            self.failed[topic] += 1
            self.trouble = error.str()

    def _complain(self, error: KafkaError) -> None:
        self.trouble = error.str()
        if error.fatal():
            self._fatal = error.str()
