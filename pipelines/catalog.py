"""Every topic and every table: name, who writes it, what it holds. Jobs refer to these, never to a literal name."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from pipelines.features import book
from pipelines.schemas import ACTIONS, DECISION, EVENT, SEQUENCES, SIGNAL, TRANSACTION, Field


class Topic(NamedTuple):
    """A Kafka topic. `single` topics have one partition, `compacted` ones keep the last record of a key."""

    name: str
    writer: str
    doc: str
    single: bool = False
    compacted: bool = False
    retention_hours: int | None = None


TRANSACTIONS: Final = Topic("transactions", "the payment side", "One payment attempt a record")
SIGNALS: Final = Topic(
    "signals", "desk, chargeback feed, cardholder", "What became known: verdicts and listings", single=True
)
HISTORY: Final = Topic(
    "history", "backfill", "Past payments and signals that fill the state; never decided", single=True
)
HISTORY_COMPLETE: Final = ("history", b"complete")
"""Header of the last record of a published history."""
FEATURES: Final = Topic("features", "enrich", "Every admitted payment with its whole feature vector")
APPLIED: Final = Topic(
    "applied", "enrich", "Signals and history as the state took them in, with sequence numbers", single=True
)
DECISIONS: Final = Topic("decisions", "score", "Action, probability, rules and reasons of each payment")
SHADOW: Final = Topic(
    "decisions_shadow", "shadow", "What a challenger would decide about live payments; nobody acts on it", single=True
)
REHEARSAL: Final = Topic(
    "rehearsal",
    "score, standby",
    "Output for history that warms the model up; for nobody",
    single=True,
    retention_hours=1,
)
DRESS_REHEARSAL: Final = Topic(
    "rehearsal.standby", "standby", "The same from a standby, for live payments", single=True, retention_hours=1
)
REHEARSALS: Final = (DRESS_REHEARSAL, REHEARSAL)
REFILLED: Final = Topic(
    "refilled",
    "enrich",
    "What the state took in when it was filled from the lake, to be held against what had been logged",
    single=True,
    retention_hours=24,
)
QUARANTINE: Final = Topic("quarantine", "land", "What could not be admitted, with a reason code", single=True)
POLICIES: Final = Topic("policies", "desk, command line", "The policy in force, versioned", single=True, compacted=True)

TOPICS: Final = (
    TRANSACTIONS,
    SIGNALS,
    HISTORY,
    FEATURES,
    APPLIED,
    DECISIONS,
    REFILLED,
    SHADOW,
    *REHEARSALS,
    QUARANTINE,
    POLICIES,
)
LANDED: Final = (TRANSACTIONS, SIGNALS, FEATURES, DECISIONS)
"""Topics whose every record is found again in the lake, at once."""
LANDED_BEHIND: Final = (APPLIED,)
"""The same, without its bytes and behind the others: a history is long, and nobody waits for it."""


class Table(NamedTuple):
    """A Delta table below the lake's folder: declared here, made and evolved by the job that lands.

    `source`: what it is made of. `owner`: the role that answers for it. `cluster`: columns whose neighbours lie together; without
    any, a writer that is not Spark can write it too.
    `constraints`: name -> SQL that is true for every row. `keep_days`: how long past versions can be read.
    """

    name: str
    writer: str
    source: str
    owner: str
    doc: str
    columns: tuple[Field, ...]
    cluster: tuple[str, ...]
    constraints: Mapping[str, str] = {}
    keep_days: int = 30

    @property
    def indexed(self) -> tuple[str, ...]:
        """Columns with statistics: numbers and times that say where a row is, never who it is about."""
        return tuple(field.name for field in self.columns if field.name in _INDEXED)


PLACE: Final = (
    Field("kafka_partition", "int", True, "Partition of the record this row was made of"),
    Field("kafka_offset", "bigint", True, "Its offset"),
    Field("appended_at", "timestamp", True, "When the broker appended it"),
)
"""Where a row came from: with it, offsets can be held against rows."""
SOURCE: Final = (
    Field("source_partition", "int", True, "Partition of the payment record it is about"),
    Field("source_offset", "bigint", True, "Offset of the payment record it is about"),
)
_INDEXED: Final = frozenset(
    {"topic", "kafka_partition", "kafka_offset", "appended_at", "event_ms", "source_partition", "source_offset"}
)

RECORDS_TABLE: Final = Table(
    "records",
    "land",
    "topics transactions, signals, features, decisions",
    "engineer",
    "Every record of the landed topics, byte for byte; of a refused one only its place: its bytes are in quarantine, masked",
    (
        Field("topic", "string", True, "Topic of the record"),
        *PLACE,
        Field("key", "binary", False, "Its key"),
        Field("value", "binary", False, "Its value; null if it was refused"),
    ),
    ("topic", "kafka_offset"),
    keep_days=7,
)
TRANSACTIONS_TABLE: Final = Table(
    "transactions",
    "land",
    "topic transactions",
    "engineer",
    "Every admitted payment attempt; one that was sent twice stands here twice",
    (*PLACE, *TRANSACTION, Field("event_ms", "bigint", True, "event_time in epoch milliseconds")),
    ("event_ms",),
    {"amount_above_zero": "amount_minor > 0"},
)
SIGNALS_TABLE: Final = Table(
    "signals",
    "land",
    "topic signals",
    "analyst",
    "Every admitted verdict and listing",
    (*PLACE, *SIGNAL, Field("event_ms", "bigint", True, "event_time in epoch milliseconds")),
    ("event_ms",),
    {"known_kind": "kind in ('verdict', 'listing')"},
)
_LOGGED: Final = (
    *PLACE,
    *EVENT,
    *SEQUENCES,
    *(Field(each.name, "double", False, f"{each.doc} ({each.unit})") for each in book.FEATURES),
)
FEATURES_TABLE: Final = Table(
    "features",
    "land",
    "topic features",
    "engineer",
    "Every feature vector as the stream wrote it; after a crash more than one of a payment, of which the last is in the state",
    _LOGGED,
    ("event_ms",),
)
APPLIED_TABLE: Final = Table(
    "applied",
    "land",
    "topic applied",
    "engineer",
    "Every signal and every payment of a history as the state took it in; signals have no features, repeats are as in features",
    _LOGGED,
    ("event_ms",),
)
DECISIONS_TABLE: Final = Table(
    "decisions",
    "land",
    "topic decisions",
    "fraud manager",
    "The decision about each payment: the first one",
    (*PLACE, *DECISION),
    ("event_ms",),
    {
        "probability_is_one": "probability between 0 and 1",
        "known_action": f"action in ({', '.join(repr(action) for action in ACTIONS)})",
    },
)
DUPLICATES_TABLE: Final = Table(
    "duplicates",
    "land",
    "topic decisions",
    "engineer",
    "Every further decision about a payment, naming the one it repeats",
    (
        *PLACE,
        Field("transaction_id", "string", True, "The payment that had been decided"),
        Field("action", "string", True, "What was decided this time; the first decision counts"),
        *SOURCE,
        Field(
            "cause",
            "string",
            True,
            "repeated: the same payment record again, after a crash; resent: another record of the payment",
        ),
        Field("first_partition", "int", True, "Partition of the decision that counts"),
        Field("first_offset", "bigint", True, "Its offset"),
    ),
    ("kafka_offset",),
)
QUARANTINE_TABLE: Final = Table(
    "quarantine",
    "land",
    "topics transactions, signals, features, decisions, applied",
    "engineer",
    "Every record that was refused, with the reason; what looks like a card number in it is masked",
    (
        Field("topic", "string", True, "Topic of the record"),
        *PLACE,
        Field("reason", "string", True, "Why it was refused: the reason code of the first check that fired"),
        Field("key", "binary", False, "Its key, masked"),
        Field("value", "binary", False, "Its first bytes, masked"),
        Field("is_whole", "boolean", True, "Whether key and value are as they were sent: not cut, nothing masked"),
        Field("bytes", "bigint", False, "Length of its value"),
        Field("sha256", "string", False, "Hash of its value"),
    ),
    ("topic", "kafka_offset"),
)
REPAIRS_TABLE: Final = Table(
    "repairs",
    "quarantine",
    "table quarantine",
    "engineer",
    "Every refused record that was put back: once when it was about to be sent, once when the broker had it",
    (
        Field("topic", "string", True, "Topic of the refused record, and of the one that was put back"),
        Field("kafka_partition", "int", True, "Partition of the refused record"),
        Field("kafka_offset", "bigint", True, "Its offset"),
        Field("state", "string", True, "sending or sent"),
        Field("at", "timestamp", True, "When"),
        Field(
            "since",
            "string",
            False,
            "Ends of the topic's partitions before it was sent (JSON), to look for it after a crash",
        ),
        Field("sent_partition", "int", False, "Where it stands now: partition"),
        Field("sent_offset", "bigint", False, "Its offset there"),
    ),
    ("topic", "kafka_offset"),
    {"known_state": "state in ('sending', 'sent')"},
)
GAPS_TABLE: Final = Table(
    "data_gaps",
    "land, allow",
    "offsets of the landed topics",
    "engineer",
    "Records that Kafka threw away before they landed: a row when that was found, when allowed and when passed over",
    (
        Field("name", "string", True, "What the gap is allowed by: topic-partition-offset"),
        Field("topic", "string", True, "Topic of the records"),
        Field("kafka_partition", "int", True, "Their partition"),
        Field("since_offset", "bigint", True, "The first one that is gone"),
        Field("until_offset", "bigint", True, "The first one that was there when this row was written"),
        Field("state", "string", True, "found, allowed or passed"),
        Field("at", "timestamp", True, "When"),
        Field("why", "string", False, "Why it was allowed, in the words of who allowed it"),
    ),
    (),
    {"known_gap_state": "state in ('found', 'allowed', 'passed')"},
)
QUALITY_TABLE: Final = Table(
    "quality",
    "check_quality, watch_quality",
    "tables transactions, signals, features, applied, decisions, duplicates, quarantine, records",
    "engineer",
    "What every quality check of landed rows came to: a row a check each time, without a value of those rows",
    (
        Field("checked_at", "timestamp", True, "When its suite was carried out; the same for all of its checks"),
        Field("suite", "string", True, "Table whose rows were looked at"),
        Field("version", "bigint", True, "Delta version of that table"),
        Field("check_name", "string", True, "Name of the check in its suite"),
        Field("critical", "boolean", True, "Whether a failing check of this suite keeps training from starting"),
        Field("passed", "boolean", False, "Whether it passed; null when there were too few values to say"),
        Field(
            "observed",
            "double",
            False,
            "The mean, of a check on a mean; otherwise the share of rows that are not as expected, 0 to 1",
        ),
        Field("unit", "string", True, "Unit of what was observed"),
        Field("row_count", "bigint", True, "Rows that were looked at"),
        Field("is_cut", "boolean", True, "Whether older rows of that stretch were left out: there were too many"),
        Field("since", "timestamp", False, "Rows appended after this time were looked at; null for all"),
        Field("until", "timestamp", True, "When the newest of them was appended"),
    ),
    (),
)
CONTRIBUTIONS_TABLE: Final = Table(
    "contributions",
    "reasons",
    "topics decisions, features",
    "analyst",
    "What each feature contributed to the score of every decision other than approve; with the base they add up to the margin",
    (
        *PLACE,
        Field("transaction_id", "string", True, "The payment that was decided"),
        Field("card_id", "string", True, "Its card"),
        Field("event_ms", "bigint", True, "When it was attempted, epoch milliseconds"),
        Field("model_version", "string", True, "Registry version of the model that decided"),
        Field("score", "double", True, "Raw output of the model as it was decided by: 1 / (1 + exp(-2 margin))"),
        Field("base", "double", True, "Margin of the average payment that the model was fitted on"),
        Field("margin", "double", True, "Base and contributions, added up"),
        Field("features", "array<string>", True, "Features that contributed, the largest contribution first"),
        Field("contributions", "array<double>", True, "What each of them added to the margin: Shapley values"),
    ),
    (),
)
WATCH_TABLE: Final = Table(
    "watch",
    "watch",
    "tables features, applied, decisions, records, quarantine; the model in service",
    "engineer",
    "What the watch over model and data found: a row a measure each time it looked",
    (
        Field("looked_at", "timestamp", True, "When it looked; the same for all measures of a look"),
        Field("model_version", "string", False, "Registry version of the champion"),
        Field("kind", "string", True, "feature, score, schema, alerts, precision, missing or volume"),
        Field("subject", "string", True, "What was measured: a feature, a field, a day"),
        Field(
            "measure", "string", True, "psi, jensen_shannon, share, unknown, precision, payments, added, removed, ..."
        ),
        Field("value", "double", False, "Its value; null where there was too little to say"),
        Field("edge", "double", False, "Beyond it is an alarm"),
        Field("state", "string", True, "quiet, alarm, or early where it is too early to say"),
        Field("words", "string", True, "The same for people"),
        Field("low", "double", False, "95% interval of the value: low end, where it has one"),
        Field("high", "double", False, "High end"),
        Field("since", "timestamp", False, "Payments from this time were looked at"),
        Field("until", "timestamp", False, "Until this time"),
    ),
    (),
    {"known_watch_state": "state in ('quiet', 'alarm', 'early')"},
)
ERASURES_TABLE: Final = Table(
    "erasures",
    "forget",
    "tables decisions, duplicates, applied",
    "engineer",
    "Every record of a card that was erased and is no longer in its table: its place, for the books; nothing says whose it was",
    (
        Field("topic", "string", True, "Topic of the record: transactions or applied"),
        Field("kafka_partition", "int", True, "Its partition"),
        Field("kafka_offset", "bigint", True, "Its offset"),
        Field("ended", "string", True, "How it had ended: decided, duplicate, or applied"),
        Field("at", "timestamp", True, "When it was erased"),
    ),
    ("topic", "kafka_offset"),
    {"known_end": "ended in ('decided', 'duplicate', 'applied')"},
)
FROM_TOPICS: Final = (
    RECORDS_TABLE,
    TRANSACTIONS_TABLE,
    SIGNALS_TABLE,
    FEATURES_TABLE,
    APPLIED_TABLE,
    DECISIONS_TABLE,
    DUPLICATES_TABLE,
    QUARANTINE_TABLE,
)
"""Tables that are made of Kafka records and nothing else."""
TABLES: Final = (
    *FROM_TOPICS,
    CONTRIBUTIONS_TABLE,
    REPAIRS_TABLE,
    ERASURES_TABLE,
    QUALITY_TABLE,
    WATCH_TABLE,
    GAPS_TABLE,
)
