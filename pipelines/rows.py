"""Rows into a Delta table of the catalogue, without Spark."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
from deltalake import CommitProperties, Transaction, write_deltalake

from pipelines.catalog import Table
from pipelines.folders import Folder
from pipelines.turns import turn

_TYPES: Final = {
    "timestamp": pa.timestamp("us", "UTC"),
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "double": pa.float64(),
    "array<string>": pa.list_(pa.string()),
    "array<double>": pa.list_(pa.float64()),
}


def schema(table: Table) -> pa.Schema:
    """Columns of a table in Arrow's words."""
    return pa.schema([pa.field(each.name, _TYPES[each.type], nullable=not each.required) for each in table.columns])


def append(
    lake: Folder, table: Table, rows: Iterable[Mapping[str, Any]], reached: Sequence[tuple[str, int]] = ()
) -> None:
    """Append rows in one commit, when it is our turn; nothing is committed without rows.

    Args:
        lake: folder of the tables.
        table: that is declared without clustering; made if it is missing.
        rows: column -> value; a missing column is null.
        reached: who (name of an application) has come how far: kept in the same commit (Delta's transaction identifiers).
    """
    made = pa.Table.from_pylist(list(rows), schema=schema(table))
    if not made.num_rows:
        return
    properties = CommitProperties(app_transactions=[Transaction(who, how_far) for who, how_far in reached])
    with turn(lake / table.name):
        write_deltalake(str(lake / table.name), made, mode="append", commit_properties=properties)
