"""Parity finds one wrong value among thousands, and does not judge what it cannot recompute."""

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.check import parity
from pipelines.features import book, compile
from pipelines.ingest.events import from_tables
from pipelines.schemas import EVENT, SEQUENCES, SIGNAL, TRANSACTION, names
from tests.events import payments, signals, table

PAID = payments(250, cards=8)


@pytest.fixture(scope="module")
def logged(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DataFrame:
    """What a stream would have logged."""
    events = from_tables(table(spark, PAID, TRANSACTION), table(spark, list(signals(PAID)), SIGNAL))
    placed = events.withColumns({"source_partition": F.lit(0), "source_offset": F.xxhash64("event_id")})
    wanted = [*names(SEQUENCES), *(feature.name for feature in book.FEATURES)]
    rows = compile.batch(placed).select(*names(EVENT), *(F.col(name).alias(parity.PREFIX + name) for name in wanted))
    kept = str(tmp_path_factory.mktemp("logged") / "rows")
    rows.write.parquet(kept)
    return spark.read.parquet(kept)


def compared(rows: DataFrame, place: Path) -> dict[str, Any]:
    rows.write.parquet(str(place / "logged"))
    return parity.compare(rows.sparkSession, place / "logged")


def test_the_same_is_the_same(logged: DataFrame, tmp_path: Path) -> None:
    found = compared(logged, tmp_path)
    assert found["compared"] == len(PAID) * len(book.FEATURES)
    assert (found["mismatches"], found["left_out"], found["worst"], found["columns"]) == (0, 0, None, {})


@pytest.mark.parametrize("value", ["logged_card_ratio + 1e-13", "cast(null as double)"])
def test_one_wrong_value_is_found(logged: DataFrame, tmp_path: Path, value: str) -> None:
    one = PAID[200]["transaction_id"]
    wrong = F.when((F.col("kind") == "transaction") & (F.col("transaction_id") == one), F.expr(value))
    found = compared(logged.withColumn("logged_card_ratio", wrong.otherwise(F.col("logged_card_ratio"))), tmp_path)
    assert (found["mismatches"], found["worst"]) == (1, "card_ratio")
    assert [example["transaction_id"] for example in found["examples"]] == [one]


def test_a_card_with_a_gap_in_its_past_is_left_out_with_what_it_touches(logged: DataFrame, tmp_path: Path) -> None:
    card = PAID[0]["card_id"]
    gone = (F.col("card_id") == card) & (F.col("logged_card_seq") == 1)
    found = compared(logged.where(~gone), tmp_path)
    of_card = sum(one["card_id"] == card for one in PAID) - 1
    assert found["mismatches"] == 0
    assert found["left_out"] >= of_card * len(book.FEATURES)
    assert found["compared"] > 0
