"""What a payment and a signal are: one declaration for producers, stream, lake and documentation. No Spark here.

Wire format: one UTF-8 JSON object per Kafka record, keyed by `card_id`. Times are ISO-8601 UTC text with at most
millisecond precision (`2026-03-01T12:00:00.000Z`), amounts are whole minor units of the card's billing currency.
Inside the pipeline times are epoch milliseconds (`*_ms`) and amounts major units (`amount`, two decimals).
"""

from typing import Final, NamedTuple


class Field(NamedTuple):
    """One field of a record: JSON name, Spark SQL type it is parsed as, whether it must be there, what it means."""

    name: str
    type: str
    required: bool
    doc: str


TRANSACTION: Final = (
    Field("transaction_id", "string", True, "Unique id of the payment attempt, at most 64 characters"),
    Field("card_id", "string", True, "Token of the card, never its number; the Kafka key"),
    Field("merchant_id", "string", True, "Who is paid: merchant, terminal or cash machine"),
    Field("amount_minor", "bigint", True, "Amount in minor units of the billing currency, above zero"),
    Field("currency", "string", True, "Billing currency of the card, ISO 4217"),
    Field("event_time", "string", True, "When the payment was attempted, ISO-8601 UTC"),
    Field("channel", "string", False, "card_present, online or atm"),
    Field("entry_mode", "string", False, "chip, contactless, magstripe, manual or stored"),
    Field("category", "string", False, "Merchant category"),
    Field("country", "string", False, "Country of the merchant, ISO 3166 alpha-2"),
    Field("latitude", "double", False, "Where the payment took place, degrees north"),
    Field("longitude", "double", False, "Where the payment took place, degrees east"),
    Field("device_id", "string", False, "Token of the device that was used (phone, browser)"),
    Field("ip", "string", False, "Internet address of the device"),
    Field("sent_at_ms", "bigint", False, "When the sender meant to send it, epoch milliseconds; for latency only"),
)

LAST_FOUR: Final = Field(
    "last_four", "string", False, "End of the card number, for people; kept in `records` as it was sent"
)
"""What `jobs.tokenise_cards` leaves of a card number in a payment beside the token."""

SIGNAL: Final = (
    Field("signal_id", "string", True, "Unique id of the signal, at most 64 characters"),
    Field("kind", "string", True, "verdict or listing"),
    Field("event_time", "string", True, "When it became known, ISO-8601 UTC"),
    Field("source", "string", True, "chargeback, analyst, cardholder or system"),
    Field("verdict", "string", False, "fraud or genuine (verdict)"),
    Field("transaction_id", "string", False, "The payment the verdict is about"),
    Field("card_id", "string", False, "Its card, or the card that is listed"),
    Field("merchant_id", "string", False, "Its merchant, or the merchant that is listed"),
    Field("device_id", "string", False, "Its device, or the device that is listed"),
    Field("transaction_time", "string", False, "When the payment was attempted, ISO-8601 UTC (verdict)"),
    Field("amount_minor", "bigint", False, "Its amount in minor units (verdict)"),
    Field("amount_ratio", "double", False, "Its amount against the card's usual one, as decided (verdict)"),
    Field("listing", "string", False, "allow, deny or clear (listing)"),
    Field("until", "string", False, "When the listing ends, ISO-8601 UTC; absent: never (listing)"),
)

CHANNELS: Final = ("card_present", "online", "atm")
ENTRY_MODES: Final = ("chip", "contactless", "magstripe", "manual", "stored")
ACTIONS: Final = ("approve", "challenge", "hold", "decline")
APPROVED: Final = b'"action":"approve"'
"""In the bytes of a decision: nothing has to be parsed to know that there is nothing to do."""

# What the stateful stage works on: payments, verdicts and listings in one shape.
EVENT: Final = (
    Field("kind", "string", True, "transaction, verdict or listing"),
    Field("origin", "string", True, "Topic it came from: transactions, signals or history"),
    Field("source_partition", "int", True, "Partition of the record it came from"),
    Field("source_offset", "bigint", True, "Offset of the record it came from"),
    Field("event_id", "string", True, "transaction_id or signal_id"),
    Field("event_ms", "bigint", True, "When it happened (payment) or became known (signal), epoch milliseconds"),
    Field("transaction_id", "string", False, "The payment it is or is about"),
    Field("transaction_ms", "bigint", False, "When that payment was attempted, epoch milliseconds"),
    Field("card_id", "string", False, "Its card"),
    Field("merchant_id", "string", False, "Its merchant"),
    Field("device_id", "string", False, "Its device"),
    Field("amount_minor", "bigint", False, "Its amount in minor units"),
    Field("currency", "string", False, "Its currency"),
    Field("channel", "string", False, "Its channel"),
    Field("entry_mode", "string", False, "Its entry mode"),
    Field("category", "string", False, "Its merchant category"),
    Field("country", "string", False, "Country of the merchant"),
    Field("latitude", "double", False, "Where, degrees north"),
    Field("longitude", "double", False, "Where, degrees east"),
    Field("ip", "string", False, "Internet address of the device"),
    Field("sent_at_ms", "bigint", False, "Intended send time, epoch milliseconds"),
    Field("source", "string", False, "Who gave the verdict or listing"),
    Field("verdict", "string", False, "fraud or genuine"),
    Field("amount_ratio", "double", False, "Amount against the card's usual one, as decided"),
    Field("listing", "string", False, "allow, deny or clear"),
    Field("until_ms", "bigint", False, "When the listing ends, epoch milliseconds"),
)

# Written by enrich behind the event's own fields, in front of the features.
SEQUENCES: Final = (
    Field("card_seq", "bigint", True, "How many events of this card the stream had seen, this one included"),
    Field("merchant_seq", "bigint", True, "The same for its merchant"),
    Field("device_seq", "bigint", True, "The same for its device"),
)

DECISION: Final = (
    Field("transaction_id", "string", True, "The payment that was decided"),
    Field("card_id", "string", True, "Its card"),
    Field("merchant_id", "string", True, "Its merchant"),
    Field("device_id", "string", False, "Its device"),
    Field("amount_minor", "bigint", True, "Its amount in minor units"),
    Field("currency", "string", True, "Its currency"),
    Field("channel", "string", False, "Its channel"),
    Field("event_ms", "bigint", True, "When it was attempted, epoch milliseconds"),
    Field("sent_at_ms", "bigint", False, "When the sender meant to send it, epoch milliseconds"),
    Field("action", "string", True, "approve, challenge, hold or decline"),
    Field("explored", "boolean", False, "Would have been held, but was let through so that its outcome becomes known"),
    Field("propensity", "double", False, "Chance with which it was treated as it was: below 1 where chance decided"),
    Field("probability", "double", True, "Calibrated probability of fraud"),
    Field("score", "double", True, "Raw output of the model, 0 to 1"),
    Field("rules", "array<string>", True, "Names of the rules that fired"),
    Field("reasons", "array<string>", True, "Why, in words with numbers"),
    Field("amount_ratio", "double", False, "Amount against the card's usual one, as decided"),
    Field("model_version", "string", True, "Registry version of the model"),
    Field("policy_version", "string", True, "Version of the policy"),
    Field("feature_set", "string", True, "Fingerprint of the feature definitions"),
    Field("source_partition", "int", True, "Partition of the payment record"),
    Field("source_offset", "bigint", True, "Offset of the payment record"),
    Field("features_partition", "int", True, "Partition of the feature record that was scored"),
    Field("features_offset", "bigint", True, "Offset of the feature record that was scored"),
    Field("decided_at_ms", "bigint", True, "Wall clock of the decision, epoch milliseconds"),
)


def ddl(fields: tuple[Field, ...]) -> str:
    """Spark DDL of a record: `name type, ...`."""
    return ", ".join(f"{field.name} {field.type}" for field in fields)


def names(fields: tuple[Field, ...]) -> list[str]:
    """Field names in order."""
    return [field.name for field in fields]
