"""Where a new checkpoint begins: behind what has landed, never from the start again and never beyond a gap."""

import json
from typing import TYPE_CHECKING, Final

import deltalake
import duckdb
from delta.tables import DeltaTable

from pipelines.catalog import (
    DECISIONS,
    DECISIONS_TABLE,
    DUPLICATES_TABLE,
    ERASURES_TABLE,
    LANDED_BEHIND,
    QUARANTINE_TABLE,
    RECORDS_TABLE,
    Topic,
)
from pipelines.folders import Folder, entries, remove
from pipelines.ingest.topics import Ends
from pipelines.land import tables
from pipelines.leadership import FILE
from pipelines.turns import turn

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MADE_OF: Final = (
    *((topic, table) for topic, table, _ in tables.TYPED),
    (DECISIONS, DECISIONS_TABLE),
    (DECISIONS, DUPLICATES_TABLE),
)
_METADATA: Final = "metadata"
_OFFSET: Final = ("kafka_partition", "kafka_offset")


def landed(lake: Folder, topics: tuple[Topic, ...]) -> Ends:
    """How far topics have landed: topic -> partition -> next offset. Read without Spark, which would take seconds to begin.

    `records` is the last table that a batch writes; what lands behind, without its bytes, has one table of its own.
    """
    database, found = duckdb.connect(), Ends()
    behind = {topic.name: table for topic, table, _ in tables.TYPED if topic in LANDED_BEHIND}
    for topic in topics:
        table = behind.get(topic.name, RECORDS_TABLE)
        for name, held in (("landed", table), ("erased", ERASURES_TABLE)):
            database.register(name, deltalake.DeltaTable(str(lake / held.name)).to_pyarrow_dataset())
        those = f"where topic = '{topic.name}'"
        landed = f"select * from landed {'' if topic.name in behind else those}"
        erased = f"select * from erased {those}"
        last = database.execute(
            f"select kafka_partition, max(kafka_offset) from ({landed} union all by name {erased}) group by all"
        ).fetchall()
        if last:
            found[topic.name] = {partition: offset + 1 for partition, offset in last}
    return found


def trim(spark: "SparkSession", lake: Folder, topics: tuple[Topic, ...], ends: Ends) -> None:
    """Remove what a batch had written that never came to its end: without its checkpoint it cannot be finished.

    Args:
        spark: a session of the lake.
        lake: folder of the tables.
        topics: whose rows are looked at.
        ends: how far each topic has landed.
    """
    for topic, table in _MADE_OF:
        if topic in topics:
            _delete(spark, lake / table.name, _beyond(ends.get(topic.name, {})))
    for topic in topics:
        refused = f"topic = '{topic.name}' and {_beyond(ends.get(topic.name, {}))}"
        _delete(spark, lake / QUARANTINE_TABLE.name, refused)


def has_checkpoint(folder: Folder) -> bool:
    """Whether a query can go on there."""
    return (folder / _METADATA).exists()


def clear(folder: Folder) -> None:
    """Remove a checkpoint, its identity last: what is half removed is no checkpoint that could be mistaken for a whole one."""
    if has_checkpoint(folder):
        for entry in sorted(entries(folder), key=lambda entry: entry.name == _METADATA):
            if entry.is_dir():
                remove(entry)
            elif entry.name != FILE:
                entry.unlink()


def starting_offsets(ends: Ends, partitions: dict[str, list[int]]) -> str:
    """Kafka's startingOffsets for a new checkpoint: behind what has landed, and the earliest (-2) of what never did."""
    return json.dumps(
        {topic: {str(part): ends.get(topic, {}).get(part, -2) for part in parts} for topic, parts in partitions.items()}
    )


def _beyond(ends: dict[int, int]) -> str:
    """SQL: a row of an offset that has not landed whole."""
    known = [f"(kafka_partition = {partition} and kafka_offset < {end})" for partition, end in ends.items()]
    return f"not ({' or '.join(known) or 'false'})"


def _delete(spark: "SparkSession", table: Folder, condition: str) -> None:
    """Delete rows, where there are any: looking takes Spark far longer."""
    database = duckdb.connect()
    database.register("rows", deltalake.DeltaTable(str(table)).to_pyarrow_dataset())
    if database.execute(f"select 1 from rows where {condition} limit 1").fetchone():
        with turn(table):
            DeltaTable.forPath(spark, str(table)).delete(condition)
