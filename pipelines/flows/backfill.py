"""Features of the past: tables of payments and signals through the batch compiler, kept as Parquet.

Runs in a process of its own on the hot runtime: the same Spark as the stream, and several times as fast as Spark 4.2, which
builds its settings anew for every element of an array that it reads.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipelines.features import book, compile
from pipelines.flows import hot_runtime
from pipelines.ingest.events import from_tables
from pipelines.local.project import HERE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

KEYS: Final = ("transaction_id", "card_id", "merchant_id", "event_ms")
TABLES: Final = ("transactions", "signals")


def in_own_process(tables: Path, out: Path, until: int, memory: str) -> None:
    """Do what `run` does in another process and wait for it.

    Raises:
        EnvironmentProblem: it failed; its last line says why.
    """
    options = {"--tables": tables.resolve(), "--out": out.resolve(), "--until": until, "--memory": memory}
    hot_runtime.run(HERE, "jobs.compute_features", options, f"features could not be computed from {tables}")


def run(tables: Path, out: Path, until: int, memory: str) -> None:
    """Compute in this process, in a session of the hot runtime.

    Args:
        tables: folder with transactions.parquet (`schemas.TRANSACTION`) and signals.parquet (`schemas.SIGNAL`).
        out: folder for the features, as `write` leaves them.
        until: payments and signals from this time on are not read, epoch milliseconds.
        memory: of the Spark driver.
    """
    with hot_runtime.opened("features", memory) as spark:
        write(spark, tables, out, until)


def write(spark: "SparkSession", tables: Path, out: Path, until: int) -> None:
    """Write KEYS and one column a feature (double, null is unknown) for every payment; replaces what was there."""
    events = compile.batch(from_tables(*(_before(spark, tables / f"{name}.parquet", until) for name in TABLES)))
    names = [feature.name for feature in book.FEATURES]
    rows = events.where("kind = 'transaction'").select(*KEYS, *names)
    rows.write.mode("overwrite").parquet(str(out))


def digest(files: list[Path]) -> str:
    """SHA-256 over the content of files in order: the version of what they hold."""
    found = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            found.update(hashlib.file_digest(content, "sha256").digest())
    return found.hexdigest()


def _before(spark: "SparkSession", table: Path, until: int) -> "DataFrame":
    return spark.read.parquet(str(table)).where(f"unix_millis(to_timestamp(event_time)) < {until}")
