"""A table as it was at a time."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from deltalake import DeltaTable

from pipelines.errors import UsageError


def read(
    table: Path, at: datetime | None = None, where: str = "true", most: int = 20
) -> tuple[int, list[dict[str, Any]]]:
    """How many rows of a table fulfil a condition, and the first of them.

    Args:
        table: folder of the table.
        at: as of when (without a zone: UTC); None is now.
        where: SQL condition, as DuckDB reads it.
        most: rows that are returned.

    Raises:
        UsageError: it is not there, was not there yet, or the condition cannot be read.
    """
    if not DeltaTable.is_deltatable(str(table)):
        raise UsageError(f"there is no table {table}; `make catalogue` lists what there is")
    found = DeltaTable(table)
    if at is not None:
        moment = at.replace(tzinfo=at.tzinfo or UTC)
        made = datetime.fromtimestamp(found.history()[-1]["timestamp"] / 1000, UTC)
        if moment < made:
            raise UsageError(f"table {table.name} was made on {made:%Y-%m-%dT%H:%M:%SZ}: there is nothing before that")
        found.load_as_version(moment)
    database = duckdb.connect()
    database.register("rows", found.to_pyarrow_dataset())
    try:
        (count,) = database.execute(f"select count(*) from rows where {where}").fetchone() or (0,)
        shown = database.execute(f"select * from rows where {where} limit {most}").to_arrow_table().to_pylist()
    except duckdb.Error as problem:
        raise UsageError(f"the condition cannot be read: {str(problem).splitlines()[0]}") from problem
    return int(count), shown
