"""Upkeep: many small files become few, what no kept version needs is removed, and reading takes no longer with time."""

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
from delta.exceptions import (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
    ConcurrentTransactionException,
    ConcurrentWriteException,
    MetadataChangedException,
    ProtocolChangedException,
)
from deltalake import DeltaTable
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from pipelines.errors import Unavailable
from pipelines.folders import Folder, entries, text
from pipelines.turns import turn

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CUBE_BYTES: Final = 64 * 1024 * 1024
OPTIONS: Final[Mapping[str, str]] = {
    # files that were clustered together are left alone from this size on: by default (100 GB) every round would write it all anew
    "spark.databricks.delta.optimize.clustering.mergeStrategy.minCubeSize.threshold": str(CUBE_BYTES),
    "spark.databricks.delta.optimize.clustering.mergeStrategy.minCubeSize.targetCubeSize": str(CUBE_BYTES),
    "spark.databricks.delta.vacuum.logging.enabled": "false",  # two commits a round in which nothing is written
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",  # a table's folder has no subfolders to list side by side
}
"""Of the Spark session that tends tables."""
CONFLICTS: Final = (
    ConcurrentAppendException,
    ConcurrentDeleteDeleteException,
    ConcurrentDeleteReadException,
    ConcurrentTransactionException,
    ConcurrentWriteException,
    MetadataChangedException,
    ProtocolChangedException,
)
ATTEMPTS: Final = 6


class Look(NamedTuple):
    """What a reader of a table meets: files and bytes of its present version, log entries behind the log's last checkpoint.

    `stored`: files that lie there, of past versions and of the log too. `read_ms`: milliseconds that opening it and reading the
    first column of all rows took.
    """

    files: int
    bytes: int
    entries: int
    stored: int
    read_ms: float


class Tended(NamedTuple):
    """What was done to a table; `removed`: files of data and log that are gone."""

    table: str
    before: Look
    after: Look
    removed: int
    seconds: float


def look(folder: Folder) -> Look:
    """Read a table as a reader would, without Spark."""
    began = time.monotonic()
    table = DeltaTable(str(folder))
    first_column = table.schema().fields[0].name
    for _ in table.to_pyarrow_dataset().to_batches(columns=[first_column]):
        pass
    read_ms = (time.monotonic() - began) * 1000
    sizes = pa.table(table.get_add_actions(flatten=True)).column("size_bytes").to_pylist()
    return Look(len(sizes), sum(sizes), table.version() - _checkpoint(folder), len(_stored(folder)), read_ms)


def tend(spark: "SparkSession", folder: Folder) -> Tended:
    """Compact and cluster a table, then remove what none of the versions that are kept needs. Safe beside whoever writes.

    Args:
        spark: a session of the lake, opened with OPTIONS.
        folder: of the table; its properties say how long its past is kept.

    Raises:
        Unavailable: somebody else changes it all the time.
    """
    before, there, began = look(folder), _stored(folder), time.monotonic()
    if before.files > 1:
        again(lambda: _optimize(spark, folder))
    again(lambda: spark.sql(f"vacuum delta.`{folder}`").collect())
    clean_log(spark, folder)
    seconds = time.monotonic() - began
    return Tended(folder.name, before, look(folder), len(there - _stored(folder)), seconds)


def again(work: Callable[[], Any]) -> None:
    """Do something until no other commit has come in between, at most ATTEMPTS times.

    Raises:
        Unavailable: one always has.
    """
    attempts = Retrying(
        retry=retry_if_exception_type(CONFLICTS),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.2, max=5),
        reraise=True,
    )
    try:
        attempts(work)
    except CONFLICTS as conflict:
        raise Unavailable(
            f"another program keeps changing this table: try again; {_first_line(conflict)}"
        ) from conflict


def clean_log(spark: "SparkSession", folder: Folder) -> None:
    """Write a checkpoint of the table's log; Delta then removes entries and checkpoints that are older than they are kept.

    It does so by whole days, and never touches the numbers by which an append is known that was made before.
    """
    java: Any = spark._jvm
    log = java.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, str(folder))
    log.update(False, java.scala.Option.empty(), java.scala.Option.empty())
    log.checkpoint()


def _optimize(spark: "SparkSession", folder: Folder) -> None:
    """Whoever lands waits meanwhile: on a local disk commits of two processes may replace each other."""
    with turn(folder):
        spark.sql(f"optimize delta.`{folder}`").collect()


def _checkpoint(folder: Folder) -> int:
    """Version of the log's last checkpoint; -1 before the first."""
    try:
        return int(json.loads(text(folder / "_delta_log" / "_last_checkpoint"))["version"])
    except FileNotFoundError:
        return -1


def _stored(folder: Folder) -> set[str]:
    """Names of files of data and log, without the sums that Hadoop puts beside them."""
    data = {file.name for file in entries(folder, "*.parquet")}
    return data | {file.name for file in entries(folder / "_delta_log", "[0-9]*")}


def _first_line(problem: Exception) -> str:
    return str(problem).strip().splitlines()[0]
