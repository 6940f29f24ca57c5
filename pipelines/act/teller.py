"""Verdicts and listings to topic `signals`, each once; policies to topic `policies`."""

import json
from collections.abc import Callable, Iterable
from typing import Final

from confluent_kafka import KafkaError, Message, Producer

from pipelines.casework import clock, outbox, policies, telling
from pipelines.casework.database import Database
from pipelines.casework.tables import Signal
from pipelines.catalog import POLICIES, SIGNALS
from pipelines.errors import Unavailable

MOST: Final = 200
SECONDS: Final = 15.0
KEY: Final = "policy"
"""One key: of a compacted topic the last record stays."""


class Teller:
    """Tells what is due. `told`: reads the topic from its beginning, asked only after a crash."""

    def __init__(self, database: Database, bootstrap: str, told: Callable[[], Iterable[Message]]) -> None:
        self._database, self._told = database, told
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 0,
                "partitioner": "murmur2_random",
                "message.timeout.ms": 0,
                "log_level": 0,
            }
        )

    def settle(self) -> None:
        """What was being told when the teller ended: done if it is on the topic, otherwise told now."""
        with self._database.reading() as session:
            doubtful = {each.id: each for each in outbox.in_doubt(session, Signal)}
        if not doubtful:
            return
        found = {str(json.loads(one.value() or b"{}").get("signal_id")) for one in self._told()}
        self._mark([name for name in doubtful if name in found])
        self._tell([each for name, each in doubtful.items() if name not in found])

    def work(self) -> int:
        """Tell what is due; how many that were."""
        return self._tell_policy() + self._tell_signals()

    def _tell_policy(self) -> int:
        """The last policy that was saved. To tell it twice changes nothing."""
        with self._database.reading() as session:
            saved = policies.untold(session)
        if saved is None:
            return 0
        record = {"version": saved.version, "who": saved.who, "why": saved.why, "at_ms": saved.at_ms}
        self._producer.produce(POLICIES.name, json.dumps({**record, "policy": saved.content}), KEY)
        if self._producer.flush(SECONDS):
            raise Unavailable("the broker does not take the policy")
        with self._database.writing() as session:
            policies.told(session, saved.id, clock.wall_ms())
        return 1

    def _tell_signals(self) -> int:
        with self._database.reading() as session:
            if not outbox.is_due(session, Signal, clock.wall_ms()):
                return 0
        with self._database.writing() as session:
            due = list(outbox.claim(session, Signal, clock.wall_ms(), MOST))
        self._tell(due)
        return len(due)

    def _tell(self, due: list[Signal]) -> None:
        """Raises Unavailable while the broker does not answer; it goes on trying in the background."""
        taken: list[str] = []
        for each in due:
            key = each.record.get("card_id")
            self._producer.produce(SIGNALS.name, json.dumps(each.record), key, on_delivery=_noting(each.id, taken))
        left = self._producer.flush(SECONDS)
        while left:
            left = self._producer.flush(SECONDS)
        self._mark(taken)
        if len(taken) < len(due):
            raise Unavailable(f"the broker refused {len(due) - len(taken)} signals")

    def _mark(self, ids: list[str]) -> None:
        if ids:
            with self._database.writing() as session:
                telling.sent(session, ids, clock.wall_ms())


def _noting(name: str, taken: list[str]) -> Callable[[KafkaError | None, Message], None]:
    """What notes a name once the broker has its record."""

    def note(error: KafkaError | None, _: Message) -> None:
        if error is None:
            taken.append(name)

    return note
