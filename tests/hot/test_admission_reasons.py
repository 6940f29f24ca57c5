"""Each kind of bad record is refused for its own reason, on the runtime that decides; good ones pass."""

import json
from typing import Any

import pytest
from pyspark.sql import SparkSession

from pipelines.ingest.events import admitted, examined

GOOD: dict[str, Any] = {
    "transaction_id": "t-1",
    "card_id": "card-7",
    "merchant_id": "m-3",
    "amount_minor": 1250,
    "currency": "EUR",
    "event_time": "2026-03-01T12:00:00.000Z",
    "channel": "online",
    "entry_mode": "stored",
    "category": "Food & drink",
    "country": "DE",
    "latitude": 52.5,
    "longitude": 13.4,
    "device_id": "d-9",
    "ip": "192.0.2.7",
    "sent_at_ms": 1772366400000,
}
VERDICT: dict[str, Any] = {
    "signal_id": "s-1",
    "kind": "verdict",
    "event_time": "2026-03-08T12:00:00.000Z",
    "source": "chargeback",
    "verdict": "fraud",
    "transaction_id": "t-1",
    "card_id": "card-7",
    "merchant_id": "m-3",
    "transaction_time": "2026-03-01T12:00:00.000Z",
    "amount_minor": 1250,
}
LISTING: dict[str, Any] = {
    "signal_id": "s-2",
    "kind": "listing",
    "event_time": "2026-03-08T12:00:00.000Z",
    "source": "analyst",
    "listing": "deny",
    "card_id": "card-7",
}


def payment(**changes: Any) -> bytes:
    return json.dumps({name: value for name, value in (GOOD | changes).items() if value is not None}).encode()


def signal(base: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({name: value for name, value in (base | changes).items() if value is not None}).encode()


def text(before: str, after: str) -> bytes:
    return payment().replace(before.encode(), after.encode())


BAD_PAYMENTS: dict[str, tuple[bytes | None, str]] = {
    "null value": (None, "empty"),
    "empty value": (b"", "empty"),
    "white space": (b"   ", "empty"),
    "not JSON": (b"hello", "not_json"),
    "CSV": (b"t-1,card-7,m-3,1250", "not_json"),
    "truncated": (payment()[:-9], "not_json"),
    "array": (b"[" + payment() + b"]", "not_json"),
    "number": (b"5", "not_json"),
    "trailing bytes": (payment() + b" x", "not_one_object"),
    "two objects": (payment() + payment(), "not_one_object"),
    "two objects with a comma": (payment() + b"," + payment(), "not_one_object"),
    "closed array behind": (payment() + b"]", "not_one_object"),
    "arrays in between": (payment() + b"],[" + payment(), "not_one_object"),
    "empty object": (b"{}", "missing_transaction_id"),
    "duplicate key": (text('"currency": "EUR"', '"currency": "EUR", "currency": "USD"'), "duplicate_field"),
    "re-cased field": (text('"card_id"', '"Card_Id"'), "missing_card_id"),
    "renamed field": (text('"merchant_id"', '"merchant"'), "missing_merchant_id"),
    "text for a number": (payment(amount_minor="1250"), "wrong_type"),
    "decimal amount": (payment(amount_minor=12.345), "wrong_type"),
    "boolean amount": (payment(amount_minor=True), "wrong_type"),
    "NaN": (text('"latitude": 52.5', '"latitude": NaN'), "not_json"),
    "infinite place": (text('"latitude": 52.5', '"latitude": 1e400'), "bad_place"),
    "1e400 amount": (text('"amount_minor": 1250', '"amount_minor": 1e400'), "wrong_type"),
    "1,200 digits": (text('"amount_minor": 1250', f'"amount_minor": {"9" * 1200}'), "not_json"),
    "negative amount": (payment(amount_minor=-1), "bad_amount"),
    "zero amount": (payment(amount_minor=0), "bad_amount"),
    "amount beyond sense": (payment(amount_minor=10**12), "bad_amount"),
    "invalid UTF-8": (payment() + b"\xff", "not_utf8"),
    "UTF-16": (payment().decode().encode("utf-16"), "not_utf8"),
    "byte order mark": (b"\xef\xbb\xbf" + payment(), "not_json"),
    "control character": (payment(transaction_id="t\u0000x"), "bad_transaction_id"),
    "zero-width character": (payment(merchant_id="m\u200b3"), "bad_merchant_id"),
    "long text": (payment(merchant_id="m" * 5_000_000), "too_long"),
    "nested 1,500 levels": (b'{"a":' * 1500 + b"1" + b"}" * 1500, "not_json"),
    "id too long": (payment(transaction_id="t" * 65), "bad_transaction_id"),
    "null id": (payment(transaction_id=None), "missing_transaction_id"),
    "object as id": (payment(transaction_id={"x": 1}), "bad_transaction_id"),
    "epoch milliseconds": (payment(event_time="1772366400000"), "bad_event_time"),
    "epoch milliseconds as number": (payment(event_time=1772366400000), "bad_event_time"),
    "no time zone": (payment(event_time="2026-03-01T12:00:00"), "bad_event_time"),
    "no such day": (payment(event_time="2026-02-31T12:00:00.000Z"), "bad_event_time"),
    "year 9999": (payment(event_time="9999-03-01T12:00:00.000Z"), "in_the_future"),
    "two days ahead": (payment(event_time="2026-06-03T12:00:01.000Z"), "in_the_future"),
    "far past": (payment(event_time="1970-01-01T00:00:00.000Z"), "too_early"),
    "other key": (payment(card_id="card-8"), "key_is_not_card"),
    "card number": (payment(card_id="4111111111111111"), "card_number"),
    "card number, spaced": (payment(merchant_id="4111 1111 1111 1111"), "card_number"),
    "card number, dashed": (payment(category="4111-1111-1111-1111"), "card_number"),
    "card number, 15 digits": (payment(device_id="378282246310005"), "card_number"),
    "HTML": (payment(category="<script>"), "bad_category"),
    "CSV formula": (payment(category="=1+1"), "bad_category"),
    "formula as id": (payment(merchant_id="=cmd"), "bad_merchant_id"),
    "unknown currency": (payment(currency="XXX"), "unknown_currency"),
    "unknown channel": (payment(channel="pigeon"), "unknown_channel"),
    "unknown entry mode": (payment(entry_mode="magic"), "unknown_entry_mode"),
    "country in words": (payment(country="Germany"), "bad_country"),
    "no address": (payment(ip="localhost"), "bad_ip"),
    "beyond the pole": (payment(latitude=91.0), "bad_place"),
}
BAD_SIGNALS: dict[str, tuple[bytes | None, str]] = {
    "unknown kind": (signal(VERDICT, kind="rumour"), "unknown_kind"),
    "unknown source": (signal(VERDICT, source="neighbour"), "unknown_source"),
    "no verdict": (signal(VERDICT, verdict=None), "bad_verdict"),
    "other verdict": (signal(VERDICT, verdict="maybe"), "bad_verdict"),
    "about nothing": (signal(VERDICT, transaction_id=None), "verdict_about_nothing"),
    "without its time": (signal(VERDICT, transaction_time="yesterday"), "verdict_about_nothing"),
    "other listing": (signal(LISTING, listing="perhaps"), "bad_listing"),
    "lists nothing": (signal(LISTING, card_id=None), "listing_of_nothing"),
    "lists two things": (signal(LISTING, merchant_id="m-3"), "listing_of_nothing"),
    "until when": (signal(LISTING, until="soon"), "bad_until"),
}
UUIDS = [f"{n:08d}-4403-8812-9123-{n * 7:012d}" for n in range(200)]


def records(spark: SparkSession, values: list[bytes | None], topic: str, key: bytes = b"card-7") -> Any:
    rows = [(key, value, topic, 0, place) for place, value in enumerate(values)]
    frame = spark.createDataFrame(rows, "key binary, value binary, topic string, partition int, offset bigint")
    return frame.selectExpr("*", "timestamp'2026-06-02 12:00:00' as timestamp")


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
