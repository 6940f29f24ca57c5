"""Each kind of bad record is refused for its own reason, on the runtime that decides; good ones pass."""

import json
from typing import Any

import pytest
from pyspark.sql import SparkSession

from pipelines.ingest.events import admitted, examined
from tests.bad_records import BAD_PAYMENTS, BAD_SIGNALS, GOOD, KEY, LISTING, NOW, VERDICT, payment, signal

UUIDS = [f"{n:08d}-4403-8812-9123-{n * 7:012d}" for n in range(200)]


def records(spark: SparkSession, values: list[bytes | None], topic: str, key: bytes = KEY) -> Any:
    rows = [(key, value, topic, 0, place) for place, value in enumerate(values)]
    frame = spark.createDataFrame(rows, "key binary, value binary, topic string, partition int, offset bigint")
    return frame.selectExpr("*", f"timestamp'{NOW:%Y-%m-%d %H:%M:%S}' as timestamp")


@pytest.mark.parametrize(
    ("topic", "cases"), [("transactions", BAD_PAYMENTS), ("history", BAD_PAYMENTS), ("signals", BAD_SIGNALS)]
)
def test_bad_records_are_refused_for_their_own_reason(
    spark: SparkSession, topic: str, cases: dict[str, tuple[bytes | None, str]]
) -> None:
    rows = examined(records(spark, [value for value, _ in cases.values()], topic)).orderBy("offset").collect()
    found = {name: row.reason for name, row in zip(cases, rows, strict=True)}
    assert found == {name: reason for name, (_, reason) in cases.items()}


def test_good_records_become_events(spark: SparkSession) -> None:
    minimal = {name: GOOD[name] for name in list(GOOD)[:6]}
    values: list[bytes | None] = [payment(), json.dumps(minimal).encode(), payment(unknown_field="kept out")]
    events = admitted(records(spark, values, "transactions")).collect()
    assert [event.kind for event in events] == ["transaction"] * 3
    assert {event.event_ms for event in events} == {1772366400000}
    assert {event.source_offset for event in events} == {0, 1, 2}
    signals = admitted(records(spark, [signal(VERDICT), signal(LISTING)], "signals")).collect()
    assert [(event.kind, event.verdict, event.listing) for event in signals] == [
        ("verdict", "fraud", None),
        ("listing", None, "deny"),
    ]
    assert signals[0].transaction_ms == 1772366400000


def test_history_carries_both_kinds(spark: SparkSession) -> None:
    events = admitted(records(spark, [payment(), signal(VERDICT)], "history")).collect()
    assert [(event.kind, event.origin) for event in events] == [("transaction", "history"), ("verdict", "history")]


def test_ids_made_of_digits_and_dashes_are_not_card_numbers(spark: SparkSession) -> None:
    rows = examined(records(spark, [payment(transaction_id=one) for one in UUIDS], "transactions")).collect()
    assert {row.reason for row in rows} == {None}
