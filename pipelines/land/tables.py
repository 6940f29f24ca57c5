"""What lands, as tables: the rows of each, made of Kafka records."""

from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F

from pipelines.catalog import (
    APPLIED,
    APPLIED_TABLE,
    DECISIONS,
    FEATURES,
    FEATURES_TABLE,
    PLACE,
    SIGNALS,
    SIGNALS_TABLE,
    TRANSACTIONS,
    TRANSACTIONS_TABLE,
)
from pipelines.features import book
from pipelines.ingest.admission import MAX_BYTES, UNREADABLE
from pipelines.ingest.events import examined, parsed
from pipelines.ingest.masking import masked
from pipelines.schemas import DECISION, EVENT, SEQUENCES, SIGNAL, TRANSACTION, Field, ddl, names

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

REFUSABLE: Final = (TRANSACTIONS.name, SIGNALS.name)
"""Topics that others write: every record is examined. Our own must only be complete."""
OWN: Final = {
    FEATURES.name: (book.RECORD, (*EVENT, *SEQUENCES)),
    APPLIED.name: (book.RECORD, (*EVENT, *SEQUENCES)),
    DECISIONS.name: (ddl(DECISION), DECISION),
}
_RECORD: Final = ("key", "value", "topic", "partition", "offset", "timestamp")
_PLACE: Final = ("partition as kafka_partition", "offset as kafka_offset", "timestamp as appended_at")


def looked_at(records: "DataFrame") -> "DataFrame":
    """Kafka records -> the same with `reason`, null for what is as it should be. One pass: a second would fetch it all again."""
    others = ", ".join(map(repr, REFUSABLE))
    guarded = records.selectExpr(
        *(name for name in _RECORD if name != "value"),
        "value as whole",
        f"if(topic in ({others}), value, null) as value",
    )
    found = examined(guarded)
    reason = "reason"
    for topic, (_, fields) in OWN.items():
        required = tuple(field for field in fields if field.required)
        record = f"from_json(if(topic = '{topic}', string(whole), null), '{ddl(required)}') as own_{topic}"
        found = found.selectExpr("*", record)
        has_all = " and ".join(f"own_{topic}.{name} is not null" for name in names(required))
        reason = f"if(topic = '{topic}', if({has_all}, null, '{UNREADABLE}'), {reason})"
    kept = ("whole as value" if name == "value" else name for name in _RECORD)
    return found.selectExpr(*kept, f"{reason} as reason")


def records(looked: "DataFrame") -> "DataFrame":
    """Rows of `records`: every record, without bytes where it was refused."""
    kept = (f"if(reason is null, {name}, null) as {name}" for name in ("key", "value"))
    return looked.selectExpr("topic", *_PLACE, *kept)


def transactions(looked: "DataFrame") -> "DataFrame":
    """Rows of `transactions`."""
    return _admitted(looked, TRANSACTIONS.name, TRANSACTION)


def signals(looked: "DataFrame") -> "DataFrame":
    """Rows of `signals`."""
    return _admitted(looked, SIGNALS.name, SIGNAL)


def features(looked: "DataFrame") -> "DataFrame":
    """Rows of `features`: the event, its sequence numbers and one column a feature."""
    return _logged(looked, FEATURES.name)


def applied(looked: "DataFrame") -> "DataFrame":
    """Rows of `applied`: the same columns."""
    return _logged(looked, APPLIED.name)


def decided(looked: "DataFrame") -> "DataFrame":
    """Columns of `decisions`, of every decision: first ones and repeats."""
    return _own(looked, DECISIONS.name).selectExpr(*names(PLACE), *(f"record.{name}" for name in names(DECISION)))


def quarantine(looked: "DataFrame") -> "DataFrame":
    """Rows of `quarantine`: what was refused, masked."""
    whole = f"coalesce(octet_length(value), 0) <= {MAX_BYTES} and value_masked <=> value and key_masked <=> key"
    return (
        looked.where("reason is not null")
        .selectExpr("*", *(f"{masked(name)} as {name}_masked" for name in ("key", "value")))
        .selectExpr(
            "topic",
            *_PLACE,
            "reason",
            "key_masked as key",
            "value_masked as value",
            f"{whole} as is_whole",
            "bigint(octet_length(value)) as bytes",
            "sha2(value, 256) as sha256",
        )
    )


TYPED: Final = (
    (TRANSACTIONS, TRANSACTIONS_TABLE, transactions),
    (SIGNALS, SIGNALS_TABLE, signals),
    (FEATURES, FEATURES_TABLE, features),
    (APPLIED, APPLIED_TABLE, applied),
)
"""Topics that become one table, row by row: topic, table, how."""


def _admitted(looked: "DataFrame", topic: str, fields: tuple[Field, ...]) -> "DataFrame":
    rows = parsed(looked.where((F.col("topic") == topic) & F.col("reason").isNull()))
    return rows.selectExpr(*_PLACE, *(f"record.{name}" for name in names(fields)), "event_ms")


def _logged(looked: "DataFrame", topic: str) -> "DataFrame":
    kept = (f"record.{name}" for name in (*names(EVENT), *names(SEQUENCES)))
    return _own(looked, topic).selectExpr(*names(PLACE), *kept, "record.features.*")


def _own(looked: "DataFrame", topic: str) -> "DataFrame":
    rows = looked.where((F.col("topic") == topic) & F.col("reason").isNull())
    return rows.selectExpr(*_PLACE, f"from_json(string(value), '{OWN[topic][0]}') as record")
