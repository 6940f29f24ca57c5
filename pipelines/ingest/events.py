"""Records become events: from Kafka through admission, or from typed tables that were admitted before."""

from typing import TYPE_CHECKING

from pipelines.ingest.admission import EVENT_COLUMNS, PARSED, REASON
from pipelines.schemas import EVENT

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def parsed(records: "DataFrame") -> "DataFrame":
    """Kafka records (key, value, topic, timestamp, ...) -> the same with `record`, its times and `is_signal`."""
    for layer in PARSED:
        records = records.selectExpr("*", *(f"{sql} as {name}" for name, sql in layer.items()))
    return records


def examined(records: "DataFrame") -> "DataFrame":
    """The same with `reason`, null for what may pass."""
    return parsed(records).selectExpr("*", f"{REASON} as reason")


def admitted(records: "DataFrame") -> "DataFrame":
    """Kafka records -> events (`schemas.EVENT`); what does not pass is left to the lake, which quarantines it."""
    columns = (f"{EVENT_COLUMNS.get(field.name, 'record.' + field.name)} as {field.name}" for field in EVENT)
    return examined(records).where("reason is null").selectExpr(*columns)


def from_tables(transactions: "DataFrame", signals: "DataFrame") -> "DataFrame":
    """Typed tables with the columns of `schemas.TRANSACTION` and `schemas.SIGNAL` -> events (`schemas.EVENT`)."""
    payment = {
        "kind": "'transaction'",
        "origin": "'transactions'",
        "event_id": "transaction_id",
        "event_ms": "unix_millis(to_timestamp(event_time))",
        "transaction_ms": "unix_millis(to_timestamp(event_time))",
    }
    signal = {
        "origin": "'signals'",
        "event_id": "signal_id",
        "event_ms": "unix_millis(to_timestamp(event_time))",
        "transaction_ms": "unix_millis(to_timestamp(transaction_time))",
        "until_ms": "unix_millis(to_timestamp(until))",
    }
    return _shaped(transactions, payment).unionByName(_shaped(signals, signal))


def _shaped(table: "DataFrame", columns: dict[str, str]) -> "DataFrame":
    missing = {field.name: "null" for field in EVENT if field.name not in table.columns}
    source = missing | columns
    return table.selectExpr(
        *(f"cast({source.get(field.name, field.name)} as {field.type}) as {field.name}" for field in EVENT)
    )
