"""Records as they should not be, each with the one reason for which it is refused. Their Kafka key is `card-7`."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

KEY = b"card-7"
NOW = datetime.now(UTC)
AHEAD = f"{NOW + timedelta(days=2):%Y-%m-%dT%H:%M:%S}.000Z"
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
    "two days ahead": (payment(event_time=AHEAD), "in_the_future"),
    "far past": (payment(event_time="1970-01-01T00:00:00.000Z"), "too_early"),
    "other key": (payment(card_id="card-8"), "key_is_not_card"),
    "card number": (payment(card_id="4111111111111111"), "card_number"),
    "card number, spaced": (payment(merchant_id="4111 1111 1111 1111"), "card_number"),
    "card number, dashed": (payment(category="4111-1111-1111-1111"), "card_number"),
    "card number, 15 digits": (payment(device_id="378282246310005"), "card_number"),
    "card number in an unknown field": (payment(note="4111111111111111"), "card_number"),
    "card number deep in an unknown field": (payment(extra={"a": ["pay 4111 1111 1111 1111"]}), "card_number"),
    "card number as a number": (payment(pan=4111111111111111), "card_number"),
    "card number as a time": (payment(sent_at_ms=4111111111111111), "bad_sent_at_ms"),
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
    "card number in a listing": (signal(LISTING, note="4111111111111111"), "card_number"),
    "until when": (signal(LISTING, until="soon"), "bad_until"),
}
