"""No card number is kept in clear, in whatever bytes it comes; what is none stays as it is."""

import pytest
from pyspark.sql import SparkSession

from pipelines.ingest.admission import MAX_BYTES
from pipelines.ingest.masking import masked
from tests.bad_records import BAD_PAYMENTS, payment

PAN = "4111111111111111"
IN_CLEAR = {
    "alone": PAN.encode(),
    "spaced": b"4111 1111 1111 1111",
    "dashed": b"4111-1111-1111-1111",
    "15 digits": b"378282246310005",
    "19 digits": b"6304000000000000000",
    "as a number": b'{"card_id": ' + PAN.encode() + b"}",
    "beside invalid bytes": b"\xff\xfe" + PAN.encode() + b"\xff",
    "UTF-16": PAN.encode("utf-16"),
    "UTF-16, big": PAN.encode("utf-16-be"),
    "twice": PAN.encode() + b";" + PAN.encode(),
    "truncated JSON": b'{"card_id": "' + PAN.encode(),
}
HARMLESS = {
    "milliseconds": b'{"sent_at_ms": 1772366400003}',
    "microseconds": b"1772366400000005",
    "not a card": b"4111111111111112",
    "too long": b"41111111111111111111",
    "payment": payment(),
    "nothing": b"",
    "every byte": bytes(range(256)),
}


def kept(spark: SparkSession, values: list[bytes | None]) -> list[bytes | None]:
    rows = spark.createDataFrame(list(enumerate(values)), "n int, value binary")
    found = rows.selectExpr("n", f"{masked('value')} as value").orderBy("n").collect()
    return [None if row.value is None else bytes(row.value) for row in found]


def test_card_numbers_are_masked_in_any_bytes(spark: SparkSession) -> None:
    for name, before, after in zip(IN_CLEAR, IN_CLEAR.values(), kept(spark, list(IN_CLEAR.values())), strict=True):
        assert after is not None and len(after) == len(before), name
        digits = [byte for byte in after.replace(b"\x00", b"") if chr(byte).isdigit()]
        assert not digits, (name, after)


def test_what_is_no_card_number_stays(spark: SparkSession) -> None:
    assert kept(spark, list(HARMLESS.values())) == list(HARMLESS.values())


def test_null_stays_null_and_long_ones_are_cut(spark: SparkSession) -> None:
    assert kept(spark, [None, b"m" * 5_000_000]) == [None, b"m" * MAX_BYTES]


@pytest.mark.parametrize("name", [name for name, (_, reason) in BAD_PAYMENTS.items() if reason == "card_number"])
def test_what_is_refused_for_a_card_number_is_masked(spark: SparkSession, name: str) -> None:
    value = BAD_PAYMENTS[name][0]
    after = kept(spark, [value])[0]
    assert value is not None and after is not None and after != value
    assert b'"t-1"' in after
