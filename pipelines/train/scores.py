"""Scored rows on the driver: columns as numpy arrays, and the file that others judge them by."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipelines.train.metrics import Numbers

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FACTS: Final = {
    "amount": "amount",
    "channel": "case when is_online > 0 then 'online' when is_atm > 0 then 'atm' else 'card present or unknown' end",
    "age_days": "coalesce(card_age_days, 0D)",
}
"""What figures and segments need beside label and margin: SQL over the features, so that every data set has it."""


class Scores(NamedTuple):
    """One entry a payment.

    Attributes:
        transactions: whose payment.
        cards: of which card.
        times: epoch milliseconds.
        labels: what it was, 1 fraud, 0 genuine.
        margins: what the model said, uncalibrated.
        amounts: major units.
        channels: online, atm, or the rest.
        ages: days since the card was first seen.
        weights: of how many payments it is one: more than 1 where few outcomes were let become known.
    """

    transactions: NDArray[Any]
    cards: NDArray[Any]
    times: NDArray[np.int64]
    labels: Numbers
    margins: Numbers
    amounts: Numbers
    channels: NDArray[Any]
    ages: Numbers
    weights: Numbers

    def where(self, chosen: NDArray[Any]) -> "Scores":
        """Only some of them, by mask or by index."""
        return Scores(*(column[chosen] for column in self))


class Frauds(NamedTuple):
    """Payments that turned out to be fraud: whose card, and when (epoch milliseconds)."""

    cards: NDArray[np.str_]
    times: NDArray[np.int64]


def joined(parts: Sequence[Scores]) -> Scores:
    """All payments of several lots, one lot after another."""
    return Scores(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def collected(rows: "DataFrame") -> Scores:
    """Bring rows with transaction_id, card_id, event_ms, label, weight, margin and features to the driver, in order of time."""
    facts = (f"{sql} as {name}" for name, sql in FACTS.items())
    chosen = rows.selectExpr("transaction_id", "card_id", "event_ms", "label", "margin", *facts, "weight")
    table = chosen.toArrow().sort_by([("event_ms", "ascending"), ("transaction_id", "ascending")])
    ids, cards, times, labels, margins, amounts, channels, ages, weights = (
        column.to_numpy() for column in table.columns
    )
    return Scores(
        ids, cards.astype(str), times, labels.astype(float), margins, amounts, channels.astype(str), ages, weights
    )


def to_parquet(scores: Scores, probabilities: Numbers, file: Path) -> None:
    """Write transaction_id, event_time (ISO-8601 UTC text), score (calibrated probability) and label (0 or 1)."""
    times = np.char.add(np.datetime_as_string(scores.times.astype("datetime64[ms]")), "Z")
    columns = {
        "transaction_id": pa.array(scores.transactions, pa.string()),
        "event_time": pa.array(times, pa.string()),
        "score": probabilities,
        "label": scores.labels.astype(np.int32),
    }
    pq.write_table(pa.table(columns), file, compression="zstd")
