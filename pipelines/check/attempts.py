"""What the stream logged, as it stands in its state: the last attempt at each event, read without Spark."""

from pathlib import Path
from typing import Any, Final

from duckdb import DuckDBPyConnection

from pipelines import reading
from pipelines.catalog import APPLIED_TABLE, FEATURES_TABLE, Table
from pipelines.check.parity import PLACE, PREFIX
from pipelines.features import book
from pipelines.folders import Folder
from pipelines.schemas import EVENT, SEQUENCES, names

EVERYTHING: Final = "select * from logged"
_LAST: Final = f"row_number() over (partition by {', '.join(PLACE)} order by kafka_offset desc) = 1"


def opened(lake: Folder, *more: Table) -> DuckDBPyConnection:
    """A database with tables of a lake, and a view `logged`: after a crash, the last attempt at an event is the one that counts.

    Args:
        lake: folder of the tables.
        more: tables beside `features` and `applied`.
    """
    database = reading.opened(lake, FEATURES_TABLE, APPLIED_TABLE, *more)
    database.execute(
        "create macro concat(one, other) as one || other"
    )  # null of a null, as in Spark: keys are made with it
    every = f"select * from {FEATURES_TABLE.name} union all by name select * from {APPLIED_TABLE.name}"
    database.execute(f"create view logged as select * from ({every}) qualify {_LAST}")
    return database


def rows(database: DuckDBPyConnection, sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a query as dictionaries."""
    return database.execute(sql, values).to_arrow_table().to_pylist()  # type: ignore[no-any-return]


def export(database: DuckDBPyConnection, out: Path, which: str = EVERYTHING) -> int:
    """Write logged events for the comparison; returns how many.

    Args:
        database: as `opened`.
        out: Parquet file: columns of `schemas.EVENT`, sequence numbers and features with PREFIX.
        which: SQL of the rows of `logged` that are wanted.
    """
    written = [*names(SEQUENCES), *(feature.name for feature in book.FEATURES)]
    columns = ", ".join([*names(EVENT), *(f"{name} as {PREFIX}{name}" for name in written)])
    database.execute(f"copy (select {columns} from ({which})) to '{out}' (format parquet)")
    (count,) = database.execute(f"select count(*) from '{out}'").fetchone() or (0,)
    return int(count)
