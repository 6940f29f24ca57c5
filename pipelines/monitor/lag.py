"""How long after the broker had a record its row could be read, from the table's own log."""

import json
from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipelines.folders import Folder, entries

_MILLION = 1_000_000


def percentiles(table: Folder, since_ms: float = 0) -> dict[str, float | None]:
    """Seconds from `appended_at` to the commit, over all rows that were appended at `since_ms` or later; None of nothing.

    Args:
        table: a Delta table with the column `appended_at`, never compacted.
        since_ms: epoch milliseconds.
    """
    parts = []
    for committed, paths in _commits(table / "_delta_log"):
        appended = np.concatenate([_appended(table / path) for path in paths] or [np.zeros(0)])
        parts.append(committed / 1000 - appended[appended * 1000 >= since_ms])
    lags = np.concatenate(parts) if parts else np.zeros(0)
    wanted = {"p50": 50, "p99": 99, "max": 100}
    return {name: round(float(np.percentile(lags, share)), 1) if len(lags) else None for name, share in wanted.items()}


def _commits(log: Folder) -> Iterator[tuple[int, list[str]]]:
    """Of each commit: its time (epoch milliseconds) and the files it added."""
    for file in entries(log, "*.json"):
        actions = [json.loads(line) for line in file.read_text().splitlines()]
        info = next(action["commitInfo"] for action in actions if "commitInfo" in action)
        yield info["timestamp"], [action["add"]["path"] for action in actions if "add" in action]


def _appended(file: Folder) -> NDArray[np.float64]:
    with file.open("rb") as opened:
        column = pq.read_table(opened, columns=["appended_at"]).column(0)
    micros = pc.cast(pc.cast(column, "timestamp[us]"), "int64")
    return np.asarray(micros.to_numpy() / _MILLION, dtype=np.float64)
