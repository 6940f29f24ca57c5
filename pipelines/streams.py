"""The doors of the decision path: records in from Kafka, records out to Kafka, in real-time mode."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.catalog import Topic
from pipelines.config import Kafka
from pipelines.folders import Folder

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

Offsets = Mapping[str, Mapping[str, int]]
"""Kafka offsets as {topic: {partition: offset}}."""


def from_kafka(
    spark: "SparkSession", kafka: Kafka, topics: Sequence[Topic], offsets: Offsets | None = None
) -> "DataFrame":
    """Records of some topics (key, value, topic, partition, offset, timestamp).

    Args:
        spark: session of the decision path.
        kafka: where the broker is.
        topics: what is read.
        offsets: where a query without a checkpoint begins; the beginning when not given.
    """
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka.bootstrap)
        .option("subscribe", ",".join(topic.name for topic in topics))
        .option("startingOffsets", json.dumps(offsets) if offsets else "earliest")
        .load()
    )


def to_kafka(records: "DataFrame", name: str, kafka: Kafka, checkpoint: Folder, seconds: int) -> "StreamingQuery":
    """Start a query that writes records (topic, key, value) in real-time mode, at least once.

    Args:
        records: what is written; each row names its topic.
        name: what the query is called.
        kafka: where the broker is.
        checkpoint: folder of the query's own.
        seconds: between checkpoints.
    """
    # real-time mode is newer than the types that the lake's Spark brings
    every: dict[str, Any] = {"realTime": f"{seconds} seconds"}
    return (
        records.writeStream.queryName(name)
        .format("kafka")
        .option("kafka.bootstrap.servers", kafka.bootstrap)
        .option("kafka.linger.ms", "1")  # what comes within a millisecond goes together
        .option("checkpointLocation", str(checkpoint))
        .outputMode("update")
        .trigger(**every)
        .start()
    )
