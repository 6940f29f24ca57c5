"""Rows to learn from: features with the label that was known at a time, never the truth."""

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from pipelines.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_BUCKETS = 1_000_000


def labelled(features: "DataFrame", signals: "DataFrame", known_at: int) -> "DataFrame":
    """Add `label` (1.0 fraud, 0.0 not known to be fraud) from the verdicts known at a time.

    Args:
        features: one row a payment, with `transaction_id`.
        signals: columns of `schemas.SIGNAL`; the latest verdict on a payment counts.
        known_at: epoch milliseconds; later signals are not seen.
    """
    seen = signals.where("kind = 'verdict'").where(F.expr(f"unix_millis(to_timestamp(event_time)) <= {known_at}"))
    latest = seen.groupBy("transaction_id").agg(F.expr("max_by(verdict, struct(event_time, signal_id))").alias("known"))
    frauds = latest.where("known = 'fraud'").select("transaction_id", F.lit(1.0).alias("label"))
    return features.join(frauds, on="transaction_id", how="left").fillna(0.0, subset=["label"])


def between(rows: "DataFrame", start: int, until: int) -> "DataFrame":
    """Rows with `event_ms` from start (inclusive) until (exclusive), epoch milliseconds."""
    return rows.where(f"event_ms >= {start} and event_ms < {until}")


def undersampled(rows: "DataFrame", genuine_per_fraud: float, seed: int) -> tuple["DataFrame", float]:
    """All frauds and about `genuine_per_fraud` genuine rows for each; repeatable whatever the partitions.

    Returns:
        The rows, and the share of genuine rows that was kept: probabilities learned from them have to be corrected by it.

    Raises:
        UsageError: there are no frauds or no genuine payments to learn from.
    """
    counts = {int(row["label"]): int(row["count"]) for row in rows.groupBy("label").count().collect()}
    frauds, genuine = counts.get(1, 0), counts.get(0, 0)
    if not frauds or not genuine:
        raise UsageError(
            f"nothing to learn: {frauds} payments known as fraud and {genuine} genuine ones in the training days"
        )
    share = min(1.0, genuine_per_fraud * frauds / genuine)
    drawn = f"pmod(xxhash64(transaction_id, {seed}), {_BUCKETS}) < {round(share * _BUCKETS)}"
    return rows.where(f"label = 1 or {drawn}"), share
