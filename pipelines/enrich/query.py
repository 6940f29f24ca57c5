"""Enrich: payments, signals and history in, payments with features out. Stateful; never restarts for a model or rule."""

from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F

from pipelines import streams
from pipelines.catalog import APPLIED, FEATURES, HISTORY, SIGNALS, TRANSACTIONS, Topic
from pipelines.config import Hot, Kafka
from pipelines.features import book, compile
from pipelines.folders import Folder
from pipelines.ingest.events import admitted
from pipelines.schemas import EVENT, names
from pipelines.streams import Offsets

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

NAME: Final = "enrich"
TOPICS: Final = (TRANSACTIONS, SIGNALS, HISTORY)


def start(
    spark: "SparkSession",
    kafka: Kafka,
    hot: Hot,
    checkpoint: Folder,
    seconds: int,
    offsets: Offsets | None = None,
    topics: tuple[Topic, ...] = TOPICS,
    out: tuple[Topic, Topic] = (FEATURES, APPLIED),
) -> "StreamingQuery":
    """Start the query in real-time mode; it goes on where its last checkpoint ended, a new one reads from the beginning.

    Args:
        spark: session of the decision path.
        kafka: where the broker is.
        hot: partitions of the keyed stages.
        checkpoint: its place and its states; `folder` for the ones that decide.
        seconds: between checkpoints.
        offsets: where a new checkpoint begins, if not at the beginning.
        topics: what is read.
        out: topics for live payments and for what else the state took in. Names of topics are no part of the compiled code.
    """
    spark.conf.set("spark.sql.shuffle.partitions", str(hot.state_partitions))
    records = streams.from_kafka(spark, kafka, topics, offsets)
    enriched = compile.stream(admitted(records), hot.state_partitions)
    return streams.to_kafka(_records(enriched, out), NAME, kafka, checkpoint, seconds)


def folder(checkpoints: Folder) -> Folder:
    """Where the query keeps its place and its states.

    The name carries the fingerprint of the states: other states need to be filled anew, never half read.
    """
    return checkpoints / f"{NAME}-{book.state_set()}"


def plan(spark: "SparkSession", partitions: int) -> None:
    """Plan and run the query once, as a batch over one record that is refused.

    A checkpoint waits for planning, which takes a second until the optimizer has been compiled, and a tenth of that then.
    """
    text = F.col("id").cast("string")
    record = spark.range(1, numPartitions=1).select(
        *(text.cast("binary").alias(name) for name in ("key", "value")),
        text.alias("topic"),
        F.col("id").cast("int").alias("partition"),
        F.col("id").alias("offset"),
        F.timestamp_millis("id").alias("timestamp"),
    )
    _records(compile.stream(admitted(record), partitions)).write.format("noop").mode("overwrite").save()


def _records(enriched: "DataFrame", out: tuple[Topic, Topic] = (FEATURES, APPLIED)) -> "DataFrame":
    """Kafka records: live payments to the first topic, what else the state took in to the second."""
    features = F.when(F.col("kind") == "transaction", F.struct(*(feature.name for feature in book.FEATURES)))
    value = F.to_json(F.struct(*names(EVENT), *book.SEQUENCES, features.alias("features")))
    live = F.col("origin") == TRANSACTIONS.name
    topic = F.when(live, out[0].name).otherwise(out[1].name)
    return enriched.select(topic.alias("topic"), F.col("card_id").alias("key"), value.alias("value"))
