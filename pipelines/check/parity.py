"""Whether the stream computed what the batch compiler computes: every logged feature, to the last bit."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F

from pipelines.features import book, compile
from pipelines.features.spec import Entity, Feature, State, View
from pipelines.schemas import EVENT, SEQUENCES, names

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PREFIX: Final = "logged_"
"""Of columns that hold what the stream wrote: sequence numbers and features."""
PLACE: Final = ("origin", "source_partition", "source_offset")
EXAMPLES: Final = 5


def compare(spark: "SparkSession", logged: Path) -> dict[str, Any]:
    """Recompute what was logged, each entity's events in the order in which the stream saw them.

    An entity whose sequence numbers are not 1, 2, 3 and so on cannot be recomputed: a part of its past is not there. Its features
    are left out and counted, and so are those of entities that use them.

    Args:
        spark: session of the hot runtime, as fast with arrays as the stream.
        logged: Parquet with columns of `schemas.EVENT`, sequence numbers and features with PREFIX, a row an event.

    Returns:
        payments, features (how many), compared and left_out (values of all features), mismatches, columns (feature ->
        mismatches and worst, the largest absolute difference) of features that differ, worst (the feature that differs most
        often, or None), examples (feature, place of the payment, logged and computed value).
    """
    rows = computed(spark, logged)
    rows.persist()
    sums = [part for entity, name in _features() for part in _sums(entity, name)]
    found = rows.agg(F.count("*").alias("payments"), *(F.expr(sql).alias(name) for name, sql in sums)).first()
    counted = {name: value or 0 for name, value in found.asDict().items()} if found else {}
    columns = {
        name: {"mismatches": counted[f"{name}_wrong"], "worst": counted[f"{name}_worst"]}
        for _, name in _features()
        if counted[f"{name}_wrong"]
    }
    compared = sum(counted[f"{name}_compared"] for _, name in _features())
    worst = max(columns, key=lambda name: columns[name]["mismatches"], default=None)
    return {
        "payments": counted["payments"],
        "features": len(book.FEATURES),
        "compared": compared,
        "left_out": counted["payments"] * len(book.FEATURES) - compared,
        "mismatches": sum(column["mismatches"] for column in columns.values()),
        "worst": worst,
        "columns": columns,
        "examples": _examples(rows, worst) if worst else [],
        "feature_set": book.feature_set(),
    }


def _features() -> Iterator[tuple[str, str]]:
    """Entity and name of every feature."""
    return ((entity.name, feature.name) for entity in book.ENTITIES for feature in entity.features)


def _events(spark: "SparkSession", logged: Path) -> "DataFrame":
    """Events with what was logged of each in one struct, and with whether each entity's past is whole."""
    rows = spark.read.parquet(str(logged))
    written = F.struct(*(F.col(PREFIX + feature.name).alias(feature.name) for feature in book.FEATURES))
    sequences = [PREFIX + name for name in names(SEQUENCES)]
    events = rows.select(*names(EVENT), *sequences, written.alias("logged"))
    for position, entity in enumerate(book.ENTITIES):
        events = events.withColumn(f"{entity.name}_whole", F.expr(_whole(entity, book.ENTITIES[:position])))
    return events


def _whole(entity: Entity, earlier: tuple[Entity, ...]) -> str:
    """SQL: whether nothing of an entity's past is missing, nor of the entities whose features it uses."""
    number, over = f"{PREFIX}{entity.sequence}", f"over (partition by {entity.key})"
    used = "".join(f" and min({other.name}_whole) {over}" for other in earlier if _uses(entity, other))
    return f"count(*) {over} = max({number}) {over}{used}"


def _uses(entity: Entity, other: Entity) -> bool:
    """Whether what an entity is made of depends on the past of another."""
    parts: list[State | View | Feature] = [*entity.states, *entity.views, *entity.features]
    words = {word for part in parts for word in re.findall(r"\w+", part.sql)}
    return not words.isdisjoint({feature.name for feature in other.features} - book.DERIVED.keys())


def computed(spark: "SparkSession", logged: Path) -> "DataFrame":
    """Logged payments -> their place, transaction_id, `logged` (struct of features), {entity}_whole and the features anew."""
    rows = compile.batch(_events(spark, logged), f"{PREFIX}{{entity}}_seq").where("kind = 'transaction'")
    return rows.select(
        *PLACE,
        "transaction_id",
        "logged",
        *(f"{entity.name}_whole" for entity in book.ENTITIES),
        *(feature.name for feature in book.FEATURES),
    )


def _sums(entity: str, name: str) -> list[tuple[str, str]]:
    is_wrong = f"{entity}_whole and not ({name} <=> logged.{name})"
    return [
        (f"{name}_compared", f"count_if({entity}_whole)"),
        (f"{name}_wrong", f"count_if({is_wrong})"),
        (f"{name}_worst", f"max(abs({name} - logged.{name})) filter (where {is_wrong})"),
    ]


def _examples(rows: "DataFrame", name: str) -> list[dict[str, Any]]:
    entity = next(entity for entity, feature in _features() if feature == name)
    wrong = rows.where(f"{entity}_whole and not ({name} <=> logged.{name})")
    shown = wrong.selectExpr(*PLACE, "transaction_id", f"logged.{name} as logged", f"{name} as computed")
    return [{"feature": name, **row.asDict()} for row in shown.limit(EXAMPLES).collect()]
