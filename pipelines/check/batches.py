"""Rows that have landed in a stretch of time, as the checks of a suite look at them: one column a check, read without Spark."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import duckdb
from deltalake import DeltaTable
from duckdb import DuckDBPyConnection

from pipelines.catalog import Table
from pipelines.check.checks import Suite
from pipelines.folders import Folder

if TYPE_CHECKING:
    import pandas as pd

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MOST_ROWS: Final = 200_000
"""Of one batch: the newest."""
MEMORY: Final = "400MB"
"""Of the database while it reads."""
OVERLAP: Final = timedelta(minutes=1)
"""Topics of one landing batch end at slightly different times: what may have come late is looked at again."""


class Stretch(NamedTuple):
    """Which rows were read.

    Attributes:
        rows: how many.
        since: they were appended after this time, None for all; `until` the time of the newest.
        is_cut: whether older ones of that time were left out.
    """

    rows: int
    since: datetime | None
    until: datetime
    is_cut: bool


class Batch(NamedTuple):
    """Rows of a suite; `frame` has a column for each check, named after it: numbers, hashes, names of few values, never an id."""

    frame: "pd.DataFrame"
    stretch: Stretch


def opened(lake: Folder, suites: Iterable[Suite]) -> tuple[DuckDBPyConnection, dict[str, int]]:
    """A database with the tables of suites that are there, as they are now, and the version of each."""
    database, versions = duckdb.connect(), {}
    database.execute(f"set memory_limit = '{MEMORY}'; set threads = 1; set TimeZone = 'UTC'; set temp_directory = ''")
    for name in {table.name for suite in suites for table in (suite.table, *suite.beside)}:
        if DeltaTable.is_deltatable(str(lake / name)):
            found = DeltaTable(str(lake / name))
            database.register(name, found.to_pyarrow_dataset())
            versions[name] = found.version()
    return database, versions


def read(
    database: DuckDBPyConnection, suite: Suite, since: datetime | None = None, most: int = MOST_ROWS
) -> Batch | None:
    """The newest rows of a suite; None when nothing has come since.

    Args:
        database: with its tables registered under their names.
        suite: whose rows.
        since: up to when rows have been looked at, None for never.
        most: rows to read.
    """
    rows = " union all by name ".join(_landed(table) for table in (suite.table, *suite.beside))
    newest = database.execute(f"select epoch_us(max(appended_at)) from ({rows}) {_after(since)}").fetchone()
    if newest is None or newest[0] is None:
        return None
    begin = None if since is None else since - OVERLAP
    beyond = (
        f"select epoch_us(appended_at) from ({rows}) {_after(begin)} order by appended_at desc limit 1 offset {most}"
    )
    left_out = database.execute(beyond).fetchone()
    first = _time(left_out[0]) if left_out else begin
    columns = ", ".join(f'{check.sql} as "{check.name}"' for check in suite.checks)
    wanted = f"select {columns} from (select * from ({rows}) {_after(first)})"
    frame = database.execute(wanted).to_arrow_table().to_pandas()
    return Batch(frame, Stretch(len(frame), begin, _time(newest[0]), left_out is not None))


def _time(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def _landed(table: Table) -> str:
    return f"select *, '{table.name}' as landed_in from {table.name}"


def _after(since: datetime | None) -> str:
    return "" if since is None else f"where appended_at > timestamptz '{since.isoformat()}'"
