"""Admission: which Kafka records become events, and why the others do not.

A check is SQL that is true for a record that must not pass, and a reason code. The first that fires names the reason. The
stream admits where none fires, the lake quarantines where one does, from the same text. Every expression stands up to
anything: a record that threw would stop the stream at every restart.
"""

from typing import Final, NamedTuple

from pipelines.schemas import CHANNELS, ENTRY_MODES, SIGNAL, TRANSACTION, ddl

MAX_BYTES: Final = 16_384
MAX_AMOUNT_MINOR: Final = 10**10
EARLIEST_MS: Final = 1_420_070_400_000
"""2015-01-01, within the range in which the decayed sums stay finite."""
LATEST_MS: Final = 4_102_444_800_000
"""2100-01-01: no number of a card is a time before it."""
TOLERANCE_MS: Final = 86_400_000
"""How far a payment may lie after the time the broker received it: clocks differ, a day is not a clock."""

CURRENCIES: Final = [
    "AED",
    "ARS",
    "AUD",
    "BGN",
    "BRL",
    "CAD",
    "CHF",
    "CLP",
    "CNY",
    "COP",
    "CZK",
    "DKK",
    "EGP",
    "EUR",
    "GBP",
    "HKD",
    "HUF",
    "IDR",
    "ILS",
    "INR",
    "ISK",
    "JPY",
    "KES",
    "KRW",
    "MAD",
    "MXN",
    "MYR",
    "NGN",
    "NOK",
    "NZD",
    "PEN",
    "PHP",
    "PKR",
    "PLN",
    "QAR",
    "RON",
    "RSD",
    "SAR",
    "SEK",
    "SGD",
    "THB",
    "TND",
    "TRY",
    "TWD",
    "UAH",
    "USD",
    "UYU",
    "VND",
    "ZAR",
]

_ID = "^[A-Za-z0-9][A-Za-z0-9_.:/+=@-]{0,63}$"
_TIME = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,3})?Z$"
_WORDS = "^[A-Za-z0-9][A-Za-z0-9 _&/.,-]{0,39}$"
_ADDRESS = "^[0-9A-Fa-f.:]{2,45}$"
_LONG_NUMBER = (
    "(?<![0-9A-Za-z-])(?:[0-9]{13,19}|[0-9]{4}(?:[ -][0-9]{4}){2}[ -][0-9]{1,7}|[0-9]{4}[ -][0-9]{6}[ -][0-9]{5})"
    "(?![0-9A-Za-z-])"
)
_FLAT = "^[ \\t\\r\\n]*+[{][^{}]*+[}][ \\t\\r\\n]*+$"
"""One pair of braces around everything: in a text that begins with an object nothing can stand beside it. Spares two parsers."""

_OPTIONS = (
    "map('columnNameOfCorruptRecord', 'malformed', 'allowNonNumericNumbers', 'false', 'allowSingleQuotes', 'false')"
)
_FIELDS = {field.name: field for field in (*TRANSACTION, *SIGNAL)}
_RECORD = ddl(tuple(field._replace(type="string") if field.name == "until" else field for field in _FIELDS.values()))


class Check(NamedTuple):
    """One way to be refused: reason code, SQL that is true for a bad record, what it means."""

    reason: str
    bad: str
    doc: str


READABLE: Final = (
    Check("too_long", f"octet_length(value) > {MAX_BYTES}", f"More than {MAX_BYTES} bytes"),
    Check("empty", "value is null or trim(text) = ''", "No content"),
    Check("not_utf8", "not is_valid_utf8(value)", "Not UTF-8 text"),
    Check("not_json", "keys is null", "Not a JSON object"),
    Check(
        "not_one_object",
        f"""not (text rlike '{_FLAT}') and (not (json_array_length(concat('[', text, ']')) <=> 1)
        or not (json_object_keys(concat('{{"p":', text, '}}')) <=> array('p')))""",
        "Something stands beside the object",
    ),
    Check("duplicate_field", "size(keys) <> size(array_distinct(keys))", "A field stands twice"),
    Check("wrong_type", "record.malformed is not null", "A field is not of its type"),
)


def _required(*names: str) -> tuple[Check, ...]:
    return tuple(Check(f"missing_{name}", f"record.{name} is null", f"No {name}") for name in names)


def _form(pattern: str, *names: str) -> tuple[Check, ...]:
    return tuple(
        Check(f"bad_{name}", f"not (record.{name} rlike '{pattern}')", f"{name} is not in its form") for name in names
    )


def _one_of(name: str, values: tuple[str, ...] | list[str], reason: str) -> Check:
    return Check(reason, f"record.{name} not in ({', '.join(repr(value) for value in values)})", f"{name} is not known")


_TEXTS: Final = ", ".join(f"record.{name}" for name, field in _FIELDS.items() if field.type == "string")
_NAMES: Final = f"array({', '.join(map(repr, _FIELDS))})"
_OTHERS: Final = (
    f"map_values(map_filter(from_json(text, 'map<string,string>'), (k, v) -> not array_contains({_NAMES}, k)))"
)


def _holds_card_number(texts: str) -> str:
    numbers = f"regexp_extract_all(concat_ws('|', {texts}), '{_LONG_NUMBER}', 0)"
    return f"exists({numbers}, x -> luhn_check(regexp_replace(x, '[ -]', '')))"


_CARD_NUMBER: Final = Check(
    "card_number",
    f"{_holds_card_number(_TEXTS)} or (size(array_except(keys, {_NAMES})) > 0 and {_holds_card_number(_OTHERS)})",
    "A text field, or one that is not known here, holds what looks like a card number",
)
_SENT_AT: Final = Check(
    "bad_sent_at_ms", f"record.sent_at_ms not between {EARLIEST_MS} and {LATEST_MS}", "Not a time in milliseconds"
)

_TIMES: Final = (
    Check("bad_event_time", f"not (record.event_time rlike '{_TIME}') or event_ms is null", "Not an ISO-8601 UTC time"),
    Check("too_early", f"event_ms < {EARLIEST_MS}", "Before 2015"),
    Check(
        "in_the_future",
        f"event_ms > unix_millis(timestamp) + {TOLERANCE_MS}",
        "More than a day after the broker received it",
    ),
)

PAYMENT_CHECKS: Final = (
    *READABLE,
    *_required("transaction_id", "card_id", "merchant_id", "amount_minor", "currency", "event_time"),
    _CARD_NUMBER,
    *_form(_ID, "transaction_id", "card_id", "merchant_id", "device_id"),
    Check("key_is_not_card", "not (string(key) <=> record.card_id)", "The Kafka key is not the card"),
    Check(
        "bad_amount", f"record.amount_minor not between 1 and {MAX_AMOUNT_MINOR}", "Not above zero, or beyond all sense"
    ),
    _one_of("currency", CURRENCIES, "unknown_currency"),
    *_TIMES,
    _one_of("channel", CHANNELS, "unknown_channel"),
    _one_of("entry_mode", ENTRY_MODES, "unknown_entry_mode"),
    *_form(_WORDS, "category"),
    *_form("^[A-Z]{2}$", "country"),
    *_form(_ADDRESS, "ip"),
    Check(
        "bad_place",
        "record.latitude not between -90 and 90 or record.longitude not between -180 and 180",
        "Not on Earth",
    ),
    _SENT_AT,
)

SIGNAL_CHECKS: Final = (
    *READABLE,
    *_required("signal_id", "kind", "event_time", "source"),
    _CARD_NUMBER,
    *_form(_ID, "signal_id", "transaction_id", "card_id", "merchant_id", "device_id"),
    *_TIMES,
    _one_of("kind", ("verdict", "listing"), "unknown_kind"),
    _one_of("source", ("chargeback", "analyst", "cardholder", "system"), "unknown_source"),
    Check(
        "bad_verdict",
        "record.kind = 'verdict' and not coalesce(record.verdict in ('fraud', 'genuine'), false)",
        "Not a verdict",
    ),
    Check(
        "verdict_about_nothing",
        "record.kind = 'verdict' and (record.transaction_id is null or record.card_id is null or record.merchant_id is null"
        " or transaction_ms is null or record.amount_minor is null)",
        "The payment and its keys are not named",
    ),
    Check(
        "bad_amount", f"record.amount_minor not between 1 and {MAX_AMOUNT_MINOR}", "Not above zero, or beyond all sense"
    ),
    Check("bad_ratio", "not (record.amount_ratio between 0 and 1e9)", "Not a ratio"),
    Check(
        "bad_listing",
        "record.kind = 'listing' and not coalesce(record.listing in ('allow', 'deny', 'clear'), false)",
        "Not a listing",
    ),
    Check(
        "listing_of_nothing",
        "record.kind = 'listing' and int(record.card_id is not null) + int(record.merchant_id is not null)"
        " + int(record.device_id is not null) <> 1",
        "Not exactly one card, merchant or device is listed",
    ),
    Check("bad_until", "record.until is not null and until_ms is null", "Not an ISO-8601 UTC time"),
)

UNREADABLE: Final = "unreadable"
"""Reason of a record on a topic of our own that lacks what it must have."""

MEANING: Final = {check.reason: check.doc for check in (*PAYMENT_CHECKS, *SIGNAL_CHECKS)} | {
    UNREADABLE: "A feature record or decision that lacks what it must have"
}
"""Reason code -> what it means."""

PARSED: Final = (
    {"text": f"if(octet_length(value) <= {MAX_BYTES}, string(value), '')"},
    {"keys": "json_object_keys(text)", "record": f"from_json(text, '{_RECORD}, malformed string', {_OPTIONS})"},
    {
        "event_ms": "unix_millis(try_to_timestamp(record.event_time))",
        "transaction_ms": "unix_millis(try_to_timestamp(record.transaction_time))",
        "until_ms": "unix_millis(try_to_timestamp(record.until))",
        "is_signal": "topic = 'signals' or (topic = 'history' and record.signal_id is not null)",
    },
)
"""Column layers over a Kafka record (key, value, topic, timestamp) that the checks read."""

REASON: Final = "case when is_signal then {signal} else {payment} end".format(
    signal=f"case {' '.join(f'when {check.bad} then {check.reason!r}' for check in SIGNAL_CHECKS)} end",
    payment=f"case {' '.join(f'when {check.bad} then {check.reason!r}' for check in PAYMENT_CHECKS)} end",
)
"""SQL: the reason code of a record that is refused, null for one that is admitted."""

EVENT_COLUMNS: Final = {
    "kind": "if(is_signal, record.kind, 'transaction')",
    "origin": "topic",
    "source_partition": "partition",
    "source_offset": "offset",
    "event_id": "if(is_signal, record.signal_id, record.transaction_id)",
    "event_ms": "event_ms",
    "transaction_ms": "if(is_signal, transaction_ms, event_ms)",
    "verdict": "record.verdict",
    "until_ms": "until_ms",
}
"""How an admitted record becomes an event (`schemas.EVENT`), where that is not just the field of the same name."""
