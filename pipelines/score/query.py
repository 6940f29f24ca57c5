"""Score: features in, decisions out. Stateless; restarted in the warm JVM for another model or policy."""

from typing import TYPE_CHECKING, NamedTuple

from pyspark.ml.functions import vector_to_array
from pyspark.sql import functions as F

from pipelines import streams
from pipelines.catalog import APPLIED, DECISIONS, FEATURES, REHEARSAL, Topic
from pipelines.config import Kafka
from pipelines.features import book
from pipelines.folders import Folder
from pipelines.rules.policy import Policy, decide
from pipelines.schemas import DECISION, names
from pipelines.streams import Offsets

if TYPE_CHECKING:
    from pyspark.ml import PipelineModel
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

NAME = "score"
CHECKPOINT_SECONDS = 3600
"""Rare, for each stops the flow: what is decided is the place where this query goes on, not its checkpoint."""


class Champion(NamedTuple):
    """A loaded model: its pipeline, the SQL that calibrates its `margin` and `score`, and its registry version."""

    version: str
    pipeline: "PipelineModel"
    calibration: str


def decisions(features: "DataFrame", champion: Champion, policy: Policy) -> "DataFrame":
    """Feature records (parsed, with `features_partition` and `features_offset`) -> rows of `schemas.DECISION` and `topic`."""
    scored = champion.pipeline.transform(features.select("*", "features.*")).select(
        *features.columns,
        vector_to_array(F.col("probability"))[1].alias("score"),
        vector_to_array(F.col("rawPrediction"))[1].alias("margin"),
    )
    rows = scored.select("*", F.expr(champion.calibration).alias("probability")).select("*", "features.*")
    for layer in decide(policy):
        rows = rows.select("*", *(F.expr(sql).alias(name) for name, sql in layer.items()))
    stamped = rows.select(
        "*",
        F.lit(champion.version).alias("model_version"),
        F.lit(policy.version).alias("policy_version"),
        F.lit(book.feature_set()).alias("feature_set"),
        # current_timestamp stands still within a batch
        F.expr("java_method('java.lang.System', 'currentTimeMillis')").cast("bigint").alias("decided_at_ms"),
    )
    return (
        stamped.drop("amount_ratio").withColumnRenamed("card_ratio", "amount_ratio").select("topic", *names(DECISION))
    )


def start(
    spark: "SparkSession",
    kafka: Kafka,
    checkpoint: Folder,
    champion: Champion,
    policy: Policy,
    offsets: Offsets,
    known: str = "false",
    out: tuple[Topic, Topic] = (DECISIONS, REHEARSAL),
) -> "StreamingQuery":
    """Start the query in real-time mode at exact offsets of `features` and `applied`, with a checkpoint of its own.

    History comes along as a rehearsal: it takes the same way through the model, and its output goes to a topic for nobody
    (`out`: topics for live payments and for history). What has a decision already (`known`: SQL over a feature record and its
    topic) is passed over: a crash repeats it.
    """
    records = streams.from_kafka(spark, kafka, [FEATURES, APPLIED], offsets)
    payments = records.where(F.startswith("value", F.lit(book.PAYMENT)))
    rows = decisions(_parsed(payments).where(f"not ({known})"), champion, policy)
    topic = F.when(F.col("topic") == FEATURES.name, out[0].name).otherwise(out[1].name)
    value = F.to_json(F.struct(*names(DECISION)))
    decided = rows.select(topic.alias("topic"), F.col("card_id").alias("key"), value.alias("value"))
    return streams.to_kafka(decided, NAME, kafka, checkpoint, CHECKPOINT_SECONDS)


def _parsed(records: "DataFrame") -> "DataFrame":
    record = F.from_json(F.col("value").cast("string"), book.RECORD).alias("record")
    place = (F.col("partition").alias("features_partition"), F.col("offset").alias("features_offset"))
    return records.select("topic", *place, record).select("topic", "features_partition", "features_offset", "record.*")
