"""Which rows are learned from."""

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from pipelines.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_BUCKETS = 1_000_000


def between(rows: "DataFrame", start: int, until: int) -> "DataFrame":
    """Rows with `event_ms` from start (inclusive) until (exclusive), epoch milliseconds."""
    return rows.where(f"event_ms >= {start} and event_ms < {until}")


def undersampled(rows: "DataFrame", genuine_per_fraud: float, seed: int) -> tuple["DataFrame", float]:
    """All frauds and about `genuine_per_fraud` genuine rows for each; repeatable whatever the partitions.

    A genuine row that stands for many is kept, at the share of its weight that the others are kept at.

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
    kept = rows.where(f"label = 1 or weight > 1 or {drawn}")
    return kept.withColumn("weight", F.expr(f"if(label = 0 and weight > 1, weight * {share!r}D, weight)")), share
