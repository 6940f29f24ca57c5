"""A table as it was at a time."""

from datetime import UTC, datetime
from typing import Any, Final

import duckdb
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from upath import UPath

from pipelines.catalog import TABLES
from pipelines.errors import UsageError
from pipelines.folders import Folder

KEPT: Final = {table.name: f"its past is kept for {table.keep_days} days" for table in TABLES}


def read(
    table: Folder, at: datetime | None = None, where: str = "true", most: int = 20
) -> tuple[int, list[dict[str, Any]]]:
    """How many rows of a table fulfil a condition, and the first of them.

    Args:
        table: folder of the table.
        at: as of when (without a zone: UTC); None is now.
        where: SQL condition, as DuckDB reads it.
        most: rows that are returned.

    Raises:
        UsageError: it is not there, was not there yet, was so long ago that it was removed, or the condition cannot be read.
    """
    if not DeltaTable.is_deltatable(str(table)):
        raise UsageError(f"there is no table {table}; `make catalogue` lists what there is")
    found = DeltaTable(str(table))
    if at is not None:
        _go_back(found, table, at.replace(tzinfo=at.tzinfo or UTC))
    database = duckdb.connect()
    database.register("rows", found.to_pyarrow_dataset())
    try:
        (count,) = database.execute(f"select count(*) from rows where {where}").fetchone() or (0,)
        shown = database.execute(f"select * from rows where {where} limit {most}").to_arrow_table().to_pylist()
    except duckdb.Error as problem:
        raise UsageError(f"the condition cannot be read: {str(problem).splitlines()[0]}") from problem
    return int(count), shown


def _go_back(found: DeltaTable, table: Folder, moment: datetime) -> None:
    """Turn a table to the version of a time, if that can still be read."""
    oldest = found.history()[-1]
    since = datetime.fromtimestamp(oldest["timestamp"] / 1000, UTC)
    if moment < since and oldest["version"] == 0:
        raise UsageError(f"table {table.name} was made on {since:%Y-%m-%dT%H:%M:%SZ}: there is nothing before that")
    gone = UsageError(
        f"table {table.name} as it was at {moment:%Y-%m-%dT%H:%M:%SZ} is no longer there: "
        f"{KEPT.get(table.name, 'its past was removed')}"
    )
    if moment < since:
        raise gone
    try:
        found.load_as_version(moment)
        files = found.file_uris()
    except DeltaError as problem:
        raise gone from problem
    if not all(UPath(file).exists() for file in files):
        raise gone
