"""Plans the stateful query in advance, so that its first checkpoint need not wait for the compiler."""

from typing import TYPE_CHECKING

from pipelines.config import Hot
from pipelines.enrich import query

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Planner:
    """Plans as often as the settings say, step by step. `left`: how often it still has to."""

    def __init__(self, spark: "SparkSession", hot: Hot) -> None:
        """Nothing is planned yet."""
        self._spark, self._partitions, self.left = spark, hot.state_partitions, hot.planned_ahead

    def step(self) -> None:
        """Plan once, if it was not enough yet."""
        if self.left:
            query.plan(self._spark, self._partitions)
            self.left -= 1
