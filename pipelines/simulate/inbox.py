"""What is on the broker: the topics themselves, what was sent before a restart, and decisions as they come."""

import json
import re
from collections.abc import Iterator
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from pipelines.catalog import DECISIONS, SIGNALS, TRANSACTIONS
from pipelines.errors import Unavailable
from pipelines.simulate.bank import Bank, Position

_CONNECT_SECONDS = 15.0
_READ_SECONDS = 30.0
_TAIL = 200
"""Latest records of a partition among which the last payment is looked for."""
_SIGNAL_ID = re.compile(rb'"signal_id"\s*:\s*"([^"]*)"')


class Inbox:
    """A reader without a group: it starts where it is told to and leaves no offsets."""

    def __init__(self, bootstrap: str) -> None:
        """Connect to the broker at `bootstrap`.

        Raises:
            Unavailable: the broker does not answer, or a topic is missing.
        """
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "simulated-bank",
                "enable.auto.commit": False,
                "reconnect.backoff.max.ms": 1_000,
                "log_level": 0,
                "fetch.wait.max.ms": 100,
            }
        )
        try:
            known = self._consumer.list_topics(timeout=_CONNECT_SECONDS).topics
        except KafkaException as problem:
            raise Unavailable(
                f"no Kafka broker answers at {bootstrap}: start it, or correct kafka.bootstrap"
            ) from problem
        missing = [topic.name for topic in (TRANSACTIONS, SIGNALS, DECISIONS) if topic.name not in known]
        if missing:
            raise Unavailable(f"the broker at {bootstrap} has no topic {', '.join(missing)}: create the topics first")
        self._partitions = {topic: list(about.partitions) for topic, about in known.items()}

    def position(self, bank: Bank, start: Position) -> Position:
        """Where the payments of a bank go on: behind the last one on the broker, or at `start`."""
        ours = re.compile(rf"t{bank.seed}d\d{{5}}n\d{{7}}")
        found = (
            one
            for value in self._written(TRANSACTIONS.name, _TAIL)
            for one in ours.findall(value.decode(errors="replace"))
        )
        last = max((position for one in found if (position := bank.position(one))), default=None)
        return start if last is None or last < start else Position(last.day, last.number + 1)

    def told(self) -> set[str]:
        """Ids of the signals that are on the broker already."""
        return {one.decode() for value in self._written(SIGNALS.name) for one in _SIGNAL_ID.findall(value)}

    def follow_decisions(self) -> None:
        """From now on `decisions` returns every decision there is, from the first one on."""
        self._consumer.assign(
            [TopicPartition(DECISIONS.name, one, OFFSET_BEGINNING) for one in self._partitions[DECISIONS.name]]
        )

    def decisions(self, seconds: float, most: int = 100) -> list[dict[str, Any]]:
        """Decisions that came, waiting at most `seconds` for them."""
        messages = self._consumer.consume(most, seconds)
        return [json.loads(value) for message in messages if not message.error() and (value := message.value())]

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _written(self, topic: str, tail: int | None = None) -> Iterator[bytes]:
        """The values of a topic up to its present end: all of them, or the last `tail` of each partition."""
        for partition in self._partitions[topic]:
            where = TopicPartition(topic, partition)
            low, high = self._consumer.get_watermark_offsets(where, _CONNECT_SECONDS)
            first = low if tail is None else max(low, high - tail)
            yield from self._between(topic, partition, first, high)

    def _between(self, topic: str, partition: int, first: int, end: int) -> Iterator[bytes]:
        if first >= end:
            return
        self._consumer.assign([TopicPartition(topic, partition, first)])
        while first < end:
            messages = self._consumer.consume(min(1_000, end - first), _READ_SECONDS)
            if not messages:
                raise Unavailable(
                    f"topic {topic} cannot be read to its end: see the broker's log, then start the bank again"
                )
            for message in messages:
                if not message.error():
                    first = (message.offset() or 0) + 1
                    yield message.value() or b""
