"""How many rows the lake holds, from its own log: no engine needed."""

import time
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from pipelines.catalog import RECORDS_TABLE
from pipelines.errors import UsageError


def rows(lake: Path) -> dict[str, int]:
    """Rows of every table below the lake's folder."""
    folders = sorted(folder.parent for folder in lake.glob("*/_delta_log"))
    return {folder.name: _rows(folder) for folder in folders}


def records(lake: Path) -> int:
    """Kafka records that have landed: they are the last that a batch writes."""
    return _rows(lake / RECORDS_TABLE.name)


def require(run: Path) -> Path:
    """The lake of a run that has landed something.

    Raises:
        UsageError: there is none.
    """
    if not (run / "settings.yaml").exists() or not records(run / "lake"):
        raise UsageError(f"no run has landed anything in {run}: start one with `make demo`, or name another with RUN=")
    return run / "lake"


def wait(lake: Path, wanted: int, seconds: float) -> bool:
    """Wait until so many records have landed; whether they have."""
    deadline = time.monotonic() + seconds
    while (enough := records(lake) >= wanted) is False and time.monotonic() < deadline:
        time.sleep(1)
    return enough


def _rows(table: Path) -> int:
    try:
        files = pa.table(DeltaTable(table).get_add_actions(flatten=True))
    except TableNotFoundError:  # its first commit is being written
        return 0
    return sum(number or 0 for number in files.column("num_records").to_pylist())
