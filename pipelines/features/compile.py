"""The two compilers: the same states and features as a stream of single events, or as windows over a table.

Both take events (`schemas.EVENT`) and give each event its sequence numbers and features. They differ in one word: the stream
aggregates what an entity has seen so far, the batch does so over the rows up to this one.
"""

import re
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from pipelines.features.book import DERIVED, ENTITIES
from pipelines.features.spec import Entity, Feature, View

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ARRIVAL = "event_ms, kind, event_id"
"""Order of a batch without sequence numbers: by time, repeatable."""


def stream(events: "DataFrame", partitions: int) -> "DataFrame":
    """Events as a real-time stream -> the same rows with sequence numbers and features, one row out per row in.

    Needs update mode. The state has no expiry: it grows with the number of entities, each bounded.

    Args:
        events: columns of `schemas.EVENT`.
        partitions: of each keyed stage. With one, all stages run in one task: a row is handed on in memory, where several
            partitions need a shuffle between any two stages.
    """
    return _compile(events.repartition(1) if partitions == 1 else events, _keep_in_stream)


def batch(events: "DataFrame", order: str = ARRIVAL) -> "DataFrame":
    """Events as a table -> the same rows with sequence numbers and features.

    Args:
        events: columns of `schemas.EVENT`.
        order: SQL order of the events of an entity, `{entity}` standing for its name; a parity check passes the stream's
            sequence numbers.
    """
    return _compile(events, lambda rows, entity: _keep_in_window(rows, entity, order))


def _compile(events: "DataFrame", keep: Callable[["DataFrame", Entity], "DataFrame"]) -> "DataFrame":
    derived = (f"{sql} as {name}" for name, sql in DERIVED.items())
    rows = events.selectExpr("*", *derived).select(F.struct("*").alias("row"))
    rows = reduce(lambda rows, entity: _derive(keep(rows, entity), entity), ENTITIES, rows)
    return rows.select("row.*").drop(*(name for name in DERIVED if name != "amount"))


def _keep_in_stream(rows: "DataFrame", entity: Entity) -> "DataFrame":
    states = [F.expr(state.sql).alias(state.name) for state in entity.states]
    kept = rows.select("row", "row.*").groupBy(F.expr(entity.key).alias("key"))
    return kept.agg(F.last("row").alias("row"), F.expr("count(*)").alias(entity.sequence), *states).drop("key")


def _keep_in_window(rows: "DataFrame", entity: Entity, order: str) -> "DataFrame":
    window = f"over (partition by {entity.key} order by {order.format(entity=entity.name)} rows unbounded preceding)"
    states = (f"{state.sql} {window} as {state.name}" for state in entity.states)
    return rows.select("row", "row.*").selectExpr("row", f"count(*) {window} as {entity.sequence}", *states)


def _derive(kept: "DataFrame", entity: Entity) -> "DataFrame":
    """Rows of `row`, the entity's sequence number and its states -> rows of `row` with sequence number and features in it.

    `row` is a struct, so that every layer hands it on as one run of bytes and not field by field.
    """
    rows = kept.select("*", "row.*")
    for layer in layers(entity):
        rows = rows.selectExpr("*", *layer)
    added = [entity.sequence, *(feature.name for feature in entity.features if feature.name not in DERIVED)]
    return rows.selectExpr(f"struct(row.*, {', '.join(added)}) as row")


def layers(entity: Entity) -> list[list[str]]:
    """Views and features in select lists such that each uses only what an earlier list defines."""
    given = dict.fromkeys(DERIVED, -1)
    found: list[list[str]] = []
    defined: list[View | Feature] = [*entity.views, *entity.features]
    parts = {part.name: part.sql for part in defined if part.name not in given}

    def depth(name: str) -> int:
        if name not in given:
            used = set(re.findall(r"(?<!')\b[a-z]\w*\b(?!')", parts[name])) & parts.keys()
            given[name] = 1 + max((depth(other) for other in used), default=-1)
        return given[name]

    for name in parts:
        found += [[] for _ in range(depth(name) + 1 - len(found))]
        found[depth(name)].append(f"{parts[name]} as {name}")
    return found
