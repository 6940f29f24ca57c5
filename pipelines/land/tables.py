"""What lands, as tables: each a name and the columns that make its rows from Kafka records."""

from typing import TYPE_CHECKING, Final

from pipelines.catalog import DECISIONS, FEATURES
from pipelines.features import book
from pipelines.schemas import DECISION, EVENT, SEQUENCES, ddl, names

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PLACE: Final = ("partition as kafka_partition", "offset as kafka_offset", "timestamp as appended_at")
"""Where a row came from: with it, offsets can be held against rows."""


def decisions(records: "DataFrame") -> "DataFrame":
    """Records of `decisions` -> place and columns of `schemas.DECISION`."""
    return _parsed(records.where(f"topic = '{DECISIONS.name}'"), ddl(DECISION)).selectExpr(
        "kafka_partition", "kafka_offset", "appended_at", *(f"record.{name}" for name in names(DECISION))
    )


def features(records: "DataFrame") -> "DataFrame":
    """Records of `features` -> place, event, sequence numbers and one column a feature."""
    kept = [*names(EVENT), *names(SEQUENCES)]
    return _parsed(records.where(f"topic = '{FEATURES.name}'"), book.RECORD).selectExpr(
        "kafka_partition", "kafka_offset", "appended_at", *(f"record.{name}" for name in kept), "record.features.*"
    )


def quarantine(examined: "DataFrame") -> "DataFrame":
    """Examined records -> those refused: reason and place. The bytes stay out: they may hold a card number."""
    return examined.where("reason is not null").selectExpr(
        "topic", *PLACE, "reason", "octet_length(value) as bytes", "sha2(value, 256) as sha256"
    )


def _parsed(records: "DataFrame", schema: str) -> "DataFrame":
    return records.selectExpr(*PLACE, f"from_json(string(value), '{schema}') as record")
