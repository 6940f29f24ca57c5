"""What enrich writes and plans, without a broker."""

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines.enrich import query
from pipelines.features import book
from pipelines.schemas import EVENT


def test_the_query_can_be_planned_ahead(spark: SparkSession) -> None:
    query.plan(spark, 1)
    assert not spark.streams.active


def test_a_payment_is_told_by_how_its_record_begins(spark: SparkSession) -> None:
    kinds = spark.createDataFrame([("transaction",), ("verdict",), ("listing",)], "kind string")
    fields = (F.col("kind") if one.name == "kind" else F.lit(None).cast(one.type).alias(one.name) for one in EVENT)
    sequences = (F.lit(1).alias(name) for name in book.SEQUENCES)
    features = (F.lit(0.0).alias(feature.name) for feature in book.FEATURES)
    written = [
        bytes(row.value, "utf-8") for row in query._records(kinds.select(*fields, *sequences, *features)).collect()
    ]
    assert [value.startswith(book.PAYMENT) for value in written] == [True, False, False]
