"""Planning ahead uses the plan of the stream, on a record that admission refuses: it must run, and change nothing."""

from pyspark.sql import SparkSession

from pipelines.enrich import query


def test_the_query_can_be_planned_without_a_broker(spark: SparkSession) -> None:
    query.plan(spark)
    assert not spark.streams.active
