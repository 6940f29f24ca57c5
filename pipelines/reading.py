"""Tables of a lake asked in SQL, without Spark."""

import duckdb
from deltalake import DeltaTable
from duckdb import DuckDBPyConnection

from pipelines.catalog import Table
from pipelines.folders import Folder


def opened(lake: Folder, *tables: Table) -> DuckDBPyConnection:
    """A database with some tables of a lake, under their own names, as they are now."""
    database = duckdb.connect()
    register(database, lake, *tables)
    return database


def register(database: DuckDBPyConnection, lake: Folder, *tables: Table) -> None:
    """Add tables to a database."""
    for table in tables:
        database.register(table.name, DeltaTable(str(lake / table.name)).to_pyarrow_dataset())


def are_there(lake: Folder, *tables: Table) -> bool:
    """Whether a lake has all of these tables."""
    return all(DeltaTable.is_deltatable(str(lake / table.name)) for table in tables)
