"""How many rows the lake holds, from its own log: no engine needed."""

import time
from pathlib import Path

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError
from pyarrow import dataset

from pipelines import config
from pipelines.catalog import (
    APPLIED,
    APPLIED_TABLE,
    ERASURES_TABLE,
    LANDED,
    QUARANTINE_TABLE,
    RECORDS_TABLE,
)
from pipelines.errors import UsageError
from pipelines.folders import Folder, entries
from pipelines.ingest import gaps
from pipelines.ingest.topics import Ends


def rows(lake: Folder) -> dict[str, int]:
    """Rows of every table below the lake's folder."""
    folders = [log.parent for log in entries(lake, "*/_delta_log")]
    return {folder.name: _rows(folder) for folder in folders}


def records(lake: Folder) -> int:
    """Kafka records that have landed: they are the last that a batch writes."""
    return _rows(lake / RECORDS_TABLE.name)


def records_behind(lake: Folder) -> int:
    """Kafka records that have landed behind the others, were refused, or erased."""
    others = sum(_rows_behind(lake / table.name) for table in (QUARANTINE_TABLE, ERASURES_TABLE))
    return _rows(lake / APPLIED_TABLE.name) + others


def holds(lake: Folder, ends: Ends) -> bool:
    """Whether everything up to some ends of the topics has landed."""
    left = {topic: sum(parts.values()) for topic, parts in ends.items()}
    for gap in gaps.named(lake, gaps.PASSED).values():
        left[gap.topic] = left.get(gap.topic, 0) - gap.length
    at_once, behind = sum(left.get(topic.name, 0) for topic in LANDED), left.get(APPLIED.name, 0)
    return records(lake) >= at_once and (behind <= 0 or records_behind(lake) >= behind)


def require(run: Path) -> Folder:
    """The lake of a run that has landed something.

    Raises:
        UsageError: there is none.
    """
    lake = config.lake_of(run)
    if not (run / "settings.yaml").exists() or not records(lake):
        raise UsageError(f"no run has landed anything in {run}: start one with `make demo`, or name another with RUN=")
    return lake


def wait(lake: Folder, ends: Ends, seconds: float) -> bool:
    """Wait until everything up to some ends of the topics has landed; whether it has."""
    deadline = time.monotonic() + seconds
    while (enough := holds(lake, ends)) is False and time.monotonic() < deadline:
        time.sleep(1)
    return enough


def _rows_behind(table: Folder) -> int:
    """Rows that name a place of what lands behind."""
    if not DeltaTable.is_deltatable(str(table)):
        return 0
    rows = DeltaTable(str(table)).to_pyarrow_dataset()
    return int(rows.count_rows(filter=dataset.field("topic") == APPLIED.name))


def _rows(table: Folder) -> int:
    try:
        files = pa.table(DeltaTable(str(table)).get_add_actions(flatten=True))
    except TableNotFoundError:  # its first commit is being written
        return 0
    return sum(number or 0 for number in files.column("num_records").to_pylist())
