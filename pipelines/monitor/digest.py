"""What a lake holds, as a few numbers: two lakes with the same rows have the same digest, in whatever order and files."""

from collections.abc import Mapping
from typing import NamedTuple

import duckdb
from deltalake import DeltaTable

from pipelines.catalog import FROM_TOPICS, Table
from pipelines.folders import Folder
from pipelines.monitor import text


class Digest(NamedTuple):
    """Rows of a table and a hash over them that knows no order."""

    rows: int
    hash: str


def tables(lake: Folder) -> dict[str, Digest]:
    """Digests of the tables that are made of Kafka records; nothing of a lake that is not there."""
    there = (table for table in FROM_TOPICS if DeltaTable.is_deltatable(str(lake / table.name)))
    return {table.name: _digest(lake, table) for table in there}


def words(before: Mapping[str, Digest], after: Mapping[str, Digest]) -> str:
    """Two lakes side by side, for people."""
    rows = [("table", "rows before", "rows now", "digest before", "digest now", "")]
    for name, now in after.items():
        then = before.get(name, Digest(0, "-"))
        rows.append(
            (name, f"{then.rows:,}", f"{now.rows:,}", then.hash, now.hash, "same" if then == now else "differs")
        )
    return text.table(rows)


def _digest(lake: Folder, table: Table) -> Digest:
    database = duckdb.connect()
    database.register("held", DeltaTable(str(lake / table.name)).to_pyarrow_dataset())
    columns = ", ".join(column.name for column in table.columns)
    count, total = database.execute(f"select count(*), sum(hash({columns})) from held").fetchone() or (0, None)
    return Digest(int(count), f"{int(total or 0) % 2**64:016x}")
