"""A small made-up past in which large amounts are suspicious: as files, and as a lake that a run has left."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import write_deltalake
from pyspark.sql import SparkSession

from pipelines.features import compile
from pipelines.flows import backfill
from pipelines.ingest.events import from_tables
from pipelines.ingest.mapping import read_mapping
from pipelines.ingest.sources import Source

BEGIN = datetime(2024, 3, 1, tzinfo=UTC)
DAYS = 40
MAPPING = """
columns: {transaction_id: id, amount_minor: cents, currency: {sql: "'EUR'"}, event_time: at}
entities: {card: who, merchant: where}
label: fraud
"""


def recorded(rows: int = 1600) -> list[dict[str, Any]]:
    chance = random.Random(11)
    made = []
    for n in range(rows):
        cents = round(100 * chance.lognormvariate(3, 1)) + 1
        fraud = chance.random() < (0.5 if cents > 9000 else 0.01)
        at = (BEGIN + timedelta(days=DAYS * n / rows)).replace(tzinfo=None)
        who, where = f"c{chance.randrange(12)}", f"m{chance.randrange(6)}"
        made.append({"id": f"t{n}", "cents": cents, "at": at, "who": who, "where": where, "fraud": fraud})
    return made


def history(folder: Path, rows: int = 1600) -> Path:
    """The data, its mapping, and what a history holds."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(recorded(rows)), folder / "data.parquet")
    (folder / "mapping.yaml").write_text(MAPPING)
    source = Source(folder / "data.parquet", read_mapping(folder / "mapping.yaml"), until=BEGIN + timedelta(days=DAYS))
    source.write(folder, 7)
    return folder


def landed_lake(spark: SparkSession, past: Path, place: Path, decided: dict[str, tuple[str, bool, float]]) -> Path:
    """A lake as a run leaves it: what was decided (action, explored, propensity) in `features`, the rest in `applied`."""
    events = from_tables(*(spark.read.parquet(str(past / f"{name}.parquet")) for name in backfill.TABLES))
    logged = compile.batch(events).toArrow()
    numbers, none = pa.array(range(len(logged)), pa.int64()), pa.array([0] * len(logged), pa.int32())
    for name, values in (("source_offset", numbers), ("source_partition", none)):
        logged = logged.set_column(logged.column_names.index(name), name, values)
    logged = logged.append_column("kafka_offset", numbers).append_column("kafka_partition", none)
    live = pc.is_in(logged["event_id"], pa.array(list(decided), pa.string()))
    for name, rows in (("features", logged.filter(live)), ("applied", logged.filter(pc.invert(live)))):
        write_deltalake(place / name, rows)
    kinds = {"action": pa.string(), "explored": pa.bool_(), "propensity": pa.float64()}
    columns = {
        name: pa.array([row[number] for row in decided.values()], kind)
        for number, (name, kind) in enumerate(kinds.items())
    }
    write_deltalake(place / "decisions", pa.table({"transaction_id": pa.array(list(decided), pa.string()), **columns}))
    return place
