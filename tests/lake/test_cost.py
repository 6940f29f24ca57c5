"""What a query costs is what processors worked at it."""

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.train.cost import processor_seconds


def test_waiting_costs_nothing(spark: SparkSession) -> None:
    asleep = F.expr("java_method('java.lang.Thread', 'sleep', 4000L)")
    assert 0 < processor_seconds(spark.range(1).select(F.coalesce(asleep, F.lit("awake")))) < 4


def test_every_stage_counts(spark: SparkSession) -> None:
    text = F.sha2(F.col("id").cast("string"), 512)
    first_stage_works = spark.range(2_000_000).groupBy(F.substring(text, 1, 1)).count()
    assert processor_seconds(first_stage_works) > 5 * processor_seconds(spark.range(1).groupBy("id").count())


def test_later_jobs_belong_to_no_group(spark: SparkSession) -> None:
    processor_seconds(spark.range(1))
    tracker = spark.sparkContext.statusTracker()
    before = len(tracker.getJobIdsForGroup(None))
    spark.range(1).collect()
    assert len(tracker.getJobIdsForGroup(None)) == before + 1
