"""Landing: what the topics hold becomes rows of Delta tables, each record once, whatever is killed when."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F

from pipelines.catalog import DECISIONS, FEATURES, QUARANTINE, SIGNALS, TRANSACTIONS
from pipelines.config import Kafka, Lake
from pipelines.ingest.events import examined
from pipelines.land import tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

NAME: Final = "landing"
_REFUSABLE: Final = (TRANSACTIONS.name, SIGNALS.name)
_LANDED: Final = (*_REFUSABLE, FEATURES.name, DECISIONS.name)


def start(spark: "SparkSession", kafka: Kafka, settings: Lake, lake: Path, checkpoints: Path) -> "StreamingQuery":
    """Start the query: a batch every `settings.trigger_seconds`. It goes on where its checkpoint ended."""
    records = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka.bootstrap)
        .option("subscribe", ",".join(_LANDED))
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", 100_000)
        .load()
    )
    checkpoint = checkpoints / NAME
    return (
        records.writeStream.queryName(NAME)
        .foreachBatch(lambda batch, number: land(batch, number, kafka, lake, checkpoint))
        .option("checkpointLocation", str(checkpoint))
        .trigger(processingTime=f"{settings.trigger_seconds} seconds")
        .start()
    )


def land(batch: "DataFrame", number: int, kafka: Kafka, lake: Path, checkpoint: Path) -> None:
    """Append one batch of Kafka records to the tables.

    A batch that is run again after a crash changes nothing: Delta skips a transaction number it has seen from this checkpoint.
    The `quarantine` topic may then get a row twice; its place names it.
    """
    batch.persist()
    try:
        counts = {row["topic"]: row["count"] for row in batch.groupBy("topic").count().collect()}
        writer = json.loads((checkpoint / "metadata").read_text())["id"]
        if counts.get(DECISIONS.name):
            _append(tables.decisions(batch), lake / "decisions", writer, number)
        if counts.get(FEATURES.name):
            _append(tables.features(batch), lake / "features", writer, number)
        if any(counts.get(topic) for topic in _REFUSABLE):
            _refuse(batch.where(F.col("topic").isin(*_REFUSABLE)), kafka, lake / "quarantine", writer, number)
    finally:
        batch.unpersist()


def _refuse(batch: "DataFrame", kafka: Kafka, table: Path, writer: str, number: int) -> None:
    refused = tables.quarantine(examined(batch)).localCheckpoint()
    if refused.isEmpty():
        return
    value = F.to_json(F.struct("*"))
    refused.select(value.alias("value")).write.format("kafka").option(
        "kafka.bootstrap.servers", kafka.bootstrap
    ).option("topic", QUARANTINE.name).save()
    _append(refused, table, writer, number)


def _append(rows: "DataFrame", table: Path, writer: str, number: int) -> None:
    rows.coalesce(1).write.format("delta").mode("append").option("txnAppId", writer).option("txnVersion", number).save(
        str(table)
    )
