"""Decisions and verdicts from Kafka into cases, each once: what came of a record and its place are one transaction."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import Consumer, Message, TopicPartition
from sqlalchemy import select
from sqlalchemy.orm import Session

from pipelines.act import readable
from pipelines.casework import alerts, cases, clock, lists
from pipelines.casework.database import Database
from pipelines.casework.tables import Place
from pipelines.catalog import DECISIONS, SIGNALS
from pipelines.schemas import APPROVED

MOST: Final = 500
WAIT_SECONDS: Final = 0.1
KEEP_SECONDS: Final = 1.0
"""How often the place is kept when nothing came of the records."""


class Intake:
    """Follows `decisions` and `signals` from where it was.

    Attributes:
        unreadable: records that are no decision or signal; they are passed over: the lake has them in quarantine.
    """

    def __init__(
        self,
        database: Database,
        consumer: Consumer,
        partitions: Mapping[str, Sequence[int]],
        precedence: Sequence[str],
        announce: Callable[[], None],
    ) -> None:
        """Make ready.

        Args:
            database: where cases are.
            consumer: of its own, without a group.
            partitions: of both topics.
            precedence: sources of verdicts, the most trusted one first.
            announce: called when cases have changed.
        """
        self._database, self._consumer, self._announce = database, consumer, announce
        self._precedence = precedence
        self._reached: dict[tuple[str, int], Place] = {}
        self._kept_at = 0.0
        self.unreadable = 0
        with database.reading() as session:
            kept = {(each.topic, each.partition): each.next_offset for each in session.scalars(select(Place))}
        consumer.assign(
            [
                TopicPartition(topic.name, each, kept.get((topic.name, each), 0))
                for topic in (DECISIONS, SIGNALS)
                for each in partitions[topic.name]
            ]
        )

    def follow(self) -> None:
        """Take in what has arrived, waiting at most WAIT_SECONDS for it."""
        messages = [one for one in self._consumer.consume(MOST, WAIT_SECONDS) if one.error() is None]
        found = [(one, record) for one in messages if (record := self._record(one)) is not None]
        for each in messages:
            self._reach(each)
        due = self._reached and time.monotonic() >= self._kept_at + KEEP_SECONDS
        if not found and not due:
            return
        now_ms, changed = clock.wall_ms(), 0
        with self._database.writing() as session:
            for message, record in found:
                changed += self._take(session, message, record, now_ms)
            changed += cases.wake(session, now_ms)
            for place in self._reached.values():
                session.merge(place)
        self._reached, self._kept_at = {}, time.monotonic()
        if changed:
            self._announce()

    def _take(self, session: Session, message: Message, record: Mapping[str, Any], now_ms: int) -> bool:
        """Take in one record; whether a case has changed."""
        if message.topic() == DECISIONS.name:
            return alerts.take(session, record, now_ms) is not None
        if record["kind"] == "listing":
            lists.hear(session, record, now_ms)
            return False
        return alerts.hear(session, record, self._precedence, now_ms) is not None

    def _record(self, message: Message) -> dict[str, Any] | None:
        """A decision other than approve, or a signal; None of everything else."""
        value = message.value() or b""
        if message.topic() == DECISIONS.name and APPROVED in value:
            return None
        try:
            record = json.loads(value)
        except ValueError:
            record = None
        is_decision = message.topic() == DECISIONS.name
        is_readable = readable.decision(record) if is_decision else readable.signal(record)
        self.unreadable += not is_readable
        return record if is_readable and record.get("action") != "approve" else None

    def _reach(self, message: Message) -> None:
        topic, partition = str(message.topic()), int(message.partition() or 0)
        before = self._reached.get((topic, partition))
        self._reached[topic, partition] = Place(
            topic=topic,
            partition=partition,
            next_offset=int(message.offset() or 0) + 1,
            appended_ms=message.timestamp()[1],
            event_ms=max(_event_ms(message), before.event_ms if before else 0),
        )


def _event_ms(message: Message) -> int:
    """The payment's own time; 0 where there is none to read. Approvals are not parsed: they are nearly all there is."""
    value = message.value() or b""
    _, found, rest = value.partition(b'"event_ms":')
    digits = rest[:16].split(b",")[0].split(b"}")[0]
    return int(digits) if found and digits.isdigit() else 0
