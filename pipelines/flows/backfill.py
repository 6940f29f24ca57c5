"""Features of the past: tables of payments and signals through the batch compiler, kept as Parquet."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipelines.features import book, compile
from pipelines.ingest.events import from_tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

KEYS: Final = ("transaction_id", "card_id", "merchant_id", "event_ms")


def compute(transactions: "DataFrame", signals: "DataFrame", folder: Path) -> "DataFrame":
    """Compute the features of every payment, write them, and read them back.

    Args:
        transactions: columns of `schemas.TRANSACTION`.
        signals: columns of `schemas.SIGNAL`.
        folder: where the Parquet files go; replaced.

    Returns:
        KEYS and one column a feature (double, null is unknown).
    """
    events = compile.batch(from_tables(transactions, signals))
    names = [feature.name for feature in book.FEATURES]
    events.where("kind = 'transaction'").select(*KEYS, *names).write.mode("overwrite").parquet(str(folder))
    return transactions.sparkSession.read.parquet(str(folder))


def inputs(rows: "DataFrame") -> "DataFrame":
    """Rows with features and `label` -> what training and scoring read: keys, label, inputs without nulls."""
    return rows.selectExpr("transaction_id", "card_id", "event_ms", "label", *book.model_inputs())


def digest(files: list[Path]) -> str:
    """SHA-256 over the content of files in order: the version of what they hold."""
    found = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            found.update(hashlib.file_digest(content, "sha256").digest())
    return found.hexdigest()
