"""The policy that was published: the last record of topic `policies`, followed with what the hot runtime has: kafka-python."""

import json
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from pydantic import ValidationError

from pipelines.catalog import POLICIES
from pipelines.rules.policy import Policy, said

WAIT_MS: Final = 20
_WHERE: Final = TopicPartition(POLICIES.name, 0)


class Published:
    """Follows the topic.

    Attributes:
        policy: the latest that can be run; None while nothing was published.
        note: what is wrong with a later one; empty when nothing is.
    """

    def __init__(self, bootstrap: str) -> None:
        """Connect at the first look: the broker may not be there yet."""
        self._bootstrap = bootstrap
        self._consumer: KafkaConsumer | None = None
        self.policy: Policy | None = None
        self.note = ""

    def look(self) -> None:
        """Take in what was published since. Without the broker the policy stays as it is."""
        try:
            consumer = self._consumer = self._consumer or self._opened()
            end = consumer.end_offsets([_WHERE])[_WHERE]
            while consumer.position(_WHERE) < end:
                for record in consumer.poll(WAIT_MS).get(_WHERE, ()):
                    self._take(record.value)
        except KafkaError as problem:
            self.close()
            self.note = f"policies cannot be read ({problem}); the policy in force stays"

    def close(self) -> None:
        """Let go of the broker."""
        if self._consumer:
            self._consumer.close()
        self._consumer = None

    def _opened(self) -> KafkaConsumer:
        consumer = KafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False)
        consumer.assign([_WHERE])
        consumer.seek_to_beginning(_WHERE)
        return consumer

    def _take(self, value: bytes | None) -> None:
        try:
            record: dict[str, Any] = json.loads(value or b"")
            self.policy, self.note = Policy.model_validate(record["policy"]), ""
        except ValidationError as problem:
            self.note = f"a policy that was published cannot be run ({said(problem)}); the one before stays"
        except (ValueError, KeyError, TypeError):
            self.note = "what was published is no policy; the one before stays"
