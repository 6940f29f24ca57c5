"""The score query in service: started at the exact place, swapped for another model or policy without losing a payment."""

import time
from typing import TYPE_CHECKING, Any

from pipelines.config import Hot, Kafka
from pipelines.folders import Folder, entries, remove
from pipelines.rules.policy import Policy
from pipelines.score import query
from pipelines.score.champion import try_out
from pipelines.score.position import Anchor, Tail
from pipelines.score.published import Published
from pipelines.score.query import Champion

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery


FEW = 100
"""Payments behind the decided ones that are no sign of a crash: refused ones never have a decision."""


class Serving:
    """One running score query at a time. What is handed in has been loaded; it is tried out before the old one is let go."""

    def __init__(self, spark: "SparkSession", kafka: Kafka, hot: Hot, checkpoints: Folder) -> None:
        self._spark, self._kafka, self._hot = spark, kafka, hot
        self._folder = checkpoints / query.NAME
        self._anchor = checkpoints / "score-anchor.json"
        self._tail = Tail(kafka.bootstrap, Anchor.read(self._anchor))
        self._query: StreamingQuery | None = None
        self.published = Published(kafka.bootstrap)
        self.champion: Champion | None = None
        self.policy: Policy | None = None
        self.swaps: list[dict[str, Any]] = []
        self.refused: dict[tuple[str | None, str | None], str] = {}

    @property
    def is_awaited(self) -> bool:
        """Whether payments wait for a decision, as after a crash."""
        return self._tail.waiting() > FEW

    def put(self, champion: Champion, policy: Policy, proven: bool = False) -> None:
        """Let this model and policy decide from now on. What is not `proven` is tried out first.

        Raises:
            ModelRejected: they do not work together; what served before goes on serving.
        """
        if not proven:
            try_out(self._spark, champion, policy)
        self._tail.catch_up()
        began = time.time()
        if self._query:
            self._query.stop()
        rehearse = self._query is None and not self.is_awaited
        offsets = self._tail.starting_offsets(self._hot.warmup_records if rehearse else 0)
        before, checkpoint = entries(self._folder), self._folder / str(time.time_ns())
        self._query = query.start(self._spark, self._kafka, checkpoint, champion, policy, offsets, self._tail.decided())
        self.swaps.append(
            {"at": began, "seconds": time.time() - began, "model": champion.version, "policy": policy.version}
        )
        self.champion, self.policy = champion, policy
        for folder in before:
            remove(folder)

    def watch(self) -> None:
        """Note how far decisions have come. Raises what stopped the query, if it stopped."""
        if self._query and not self._query.isActive:
            raise self._query.exception() or RuntimeError("the score query stopped")
        self.keep_place()

    def stop(self) -> None:
        """Stop the query and keep its place."""
        if self._query:
            self._query.stop()
            self.keep_place()
        self._tail.close()
        self.published.close()

    def keep_place(self) -> None:
        """Keep the place reached so far."""
        self._tail.catch_up()
        self._tail.pass_over()
        self._tail.anchor().write(self._anchor)
