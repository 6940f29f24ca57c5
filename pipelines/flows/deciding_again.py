"""One decision made again, on the hot runtime: its features from the logged past, its action from the logged features."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F

from pipelines.catalog import FEATURES
from pipelines.check import parity
from pipelines.features import book
from pipelines.flows import hot_runtime
from pipelines.rules import policy
from pipelines.schemas import EVENT, SEQUENCES, names
from pipelines.score import champion as models
from pipelines.score.query import decisions

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

SCORED: Final = "scored.parquet"
"""The one feature record that was scored, as `attempts.export` writes it."""
PAST: Final = "past.parquet"
"""The same of every event that its features depend on, if they can be computed anew."""
AGAIN: Final = "again.json"


def run(folder: Path, model: Path, version: str, rules: Path, place: tuple[int, int], memory: str) -> None:
    """Write `decision` (its fields), and `features` (name -> value) and `whole` (entity -> whether) if there is a past.

    Args:
        folder: holds SCORED and, if it is known, PAST; gets AGAIN.
        model: folder of the model's files, verified.
        version: of the model.
        rules: policy file.
        place: partition and offset of the feature record.
        memory: of the Spark driver.

    Raises:
        ModelRejected: the model does not load, or was fitted for other features than these.
        ConfigurationError: the policy cannot be read.
    """
    with hot_runtime.opened("again", memory) as spark:
        champion = models.load(version, model)
        row = decisions(_scored(spark, folder / SCORED, place), champion, policy.read(rules)).drop("topic").first()
        found: dict[str, Any] = {"decision": row.asDict() if row else {}}
        if (folder / PAST).exists():
            found |= _recomputed(spark, folder)
    (folder / AGAIN).write_text(json.dumps(found))


def _scored(spark: "SparkSession", file: Path, place: tuple[int, int]) -> "DataFrame":
    features = (F.col(parity.PREFIX + feature.name).alias(feature.name) for feature in book.FEATURES)
    return spark.read.parquet(str(file)).select(
        F.lit(FEATURES.name).alias("topic"),
        F.lit(place[0]).alias("features_partition"),
        F.lit(place[1]).cast("bigint").alias("features_offset"),
        *names(EVENT),
        *(F.col(parity.PREFIX + name).alias(name) for name in names(SEQUENCES)),
        F.struct(*features).alias("features"),
    )


def _recomputed(spark: "SparkSession", folder: Path) -> dict[str, Any]:
    one = spark.read.parquet(str(folder / SCORED)).select(*parity.PLACE)
    row = parity.computed(spark, folder / PAST).join(F.broadcast(one), [*parity.PLACE]).first()
    if row is None:
        return {}
    return {
        "features": {feature.name: row[feature.name] for feature in book.FEATURES},
        "whole": {entity.name: row[f"{entity.name}_whole"] for entity in book.ENTITIES},
    }
