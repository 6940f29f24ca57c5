"""Scored rows on the driver: columns as numpy arrays, and the file that others judge them by."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipelines.train.calibrate import Calibration, Numbers

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Scores(NamedTuple):
    """One entry a payment: who, when (epoch milliseconds), what it was (1 fraud, 0 genuine), what the model said."""

    transactions: NDArray[Any]
    cards: NDArray[Any]
    times: NDArray[np.int64]
    labels: Numbers
    margins: Numbers

    def where(self, chosen: NDArray[np.bool_]) -> "Scores":
        """Only some of them."""
        return self._replace(**{name: column[chosen] for name, column in self._asdict().items()})


def collected(rows: "DataFrame") -> Scores:
    """Bring rows with transaction_id, card_id, event_ms, label and margin to the driver, in order of time."""
    table = rows.select("transaction_id", "card_id", "event_ms", "label", "margin").toArrow()
    table = table.sort_by([("event_ms", "ascending"), ("transaction_id", "ascending")])
    ids, cards, times, labels, margins = (table.column(n).to_numpy() for n in range(5))
    return Scores(ids, cards.astype(str), times, labels.astype(float), margins)


def to_parquet(scores: Scores, calibration: Calibration, file: Path) -> None:
    """Write transaction_id, event_time (ISO-8601 UTC text), score (calibrated probability) and label (0 or 1)."""
    times = np.char.add(np.datetime_as_string(scores.times.astype("datetime64[ms]")), "Z")
    columns = {
        "transaction_id": pa.array(scores.transactions, pa.string()),
        "event_time": pa.array(times, pa.string()),
        "score": calibration.probabilities(scores.margins),
        "label": scores.labels.astype(np.int32),
    }
    pq.write_table(pa.table(columns), file, compression="zstd")
