"""Which decision about a payment is the first one: that one counts, whatever repeats it later."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import functions as F

from pipelines.folders import Folder

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

SCHEMA: Final = "kafka_partition int, kafka_offset bigint, first_partition int, first_offset bigint, cause string"
_FOUND: Final = ("transaction_id", "kafka_partition", "kafka_offset", "source_partition", "source_offset")
_MERGE_AT: Final = 100_000


class Repeat(NamedTuple):
    """A decision that is not the first: its place, the first one's place, and why it is there."""

    partition: int
    offset: int
    first_partition: int
    first_offset: int
    cause: str


class Firsts:
    """Knows every payment that has a decision in the table: 8 bytes each, read when it is made.

    A hash says who is certainly new; what may be known is looked up in the table.
    """

    def __init__(self, spark: "SparkSession", table: Folder) -> None:
        """Read who has a decision."""
        self._table = table
        self._known: NDArray[np.int64] = np.sort(_hashes(spark.read.format("delta").load(str(table))))
        self._recent: set[int] = set()

    def repeats(self, decided: "DataFrame") -> list[Repeat]:
        """Those of a batch of decisions (columns of the table) that repeat one of the table or an earlier one of the batch.

        A decision that stands in the table already, as when a batch is run again, repeats nothing.
        """
        found = decided.select(*_FOUND, "appended_at", F.xxhash64("transaction_id").alias("hash")).collect()
        found.sort(key=lambda row: (row.appended_at, row.kafka_partition, row.kafka_offset))
        first = self._looked_up(decided.sparkSession, [row for row in found if self._may_know(row.hash)])
        repeats = []
        for row in found:
            earlier = first.setdefault(row.transaction_id, row)
            place, first_place = _place(row), _place(earlier)
            if place != first_place:
                same = (row.source_partition, row.source_offset) == (earlier.source_partition, earlier.source_offset)
                repeats.append(Repeat(*place, *first_place, "repeated" if same else "resent"))
        self._recent.update(row.hash for row in found)
        self._merge()
        return repeats

    def _may_know(self, number: int) -> bool:
        at = int(np.searchsorted(self._known, number))
        return number in self._recent or (at < len(self._known) and self._known[at] == number)

    def _looked_up(self, spark: "SparkSession", rows: Iterable["Row"]) -> dict[str, "Row"]:
        wanted = sorted({row.transaction_id for row in rows})
        if not wanted:
            return {}
        ids = F.broadcast(spark.createDataFrame([(one,) for one in wanted], "transaction_id string"))
        table = spark.read.format("delta").load(str(self._table)).select(*_FOUND)
        return {row.transaction_id: row for row in table.join(ids, "transaction_id", "left_semi").collect()}

    def _merge(self) -> None:
        if len(self._recent) > _MERGE_AT:
            recent = np.fromiter(self._recent, np.int64, len(self._recent))
            self._known, self._recent = np.union1d(self._known, recent), set()


def _hashes(table: "DataFrame") -> NDArray[np.int64]:
    found = table.select(F.xxhash64("transaction_id").alias("hash")).toArrow().column("hash")
    return np.asarray(found.to_numpy(), dtype=np.int64)


def _place(row: "Row") -> tuple[int, int]:
    return row.kafka_partition, row.kafka_offset
