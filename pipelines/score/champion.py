"""A model that may serve: loaded, fitted for these features, and seen to work on made-up payments before it gets a real one."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from pipelines.errors import ModelRejected
from pipelines.features import book
from pipelines.rules.policy import Policy
from pipelines.schemas import ACTIONS, EVENT, SEQUENCES
from pipelines.score.query import Champion, decisions

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def load(version: str, folder: Path) -> Champion:
    """The model in a fetched and verified folder.

    Raises:
        ModelRejected: it does not load, or was fitted for other features than these.
    """
    from pyspark.ml import PipelineModel

    try:
        serving = json.loads((folder / "serving.json").read_text())
        wanted, given = book.model_inputs(), serving["inputs"]
        if given != wanted:
            odd = sorted(set(given) ^ set(wanted)) or ["other defaults"]
            raise ModelRejected(
                f"model version {version} was fitted for other features ({', '.join(odd[:5])}): train a new one"
            )
        pipeline = PipelineModel.load(str(folder / "sparkml"))
        return Champion(version, pipeline, serving["calibration"])
    except ModelRejected:
        raise
    except Exception as problem:  # whatever a broken model file raises, in Python or in the JVM
        raise ModelRejected(
            f"model version {version} cannot be loaded from {folder}: {str(problem).splitlines()[0]}"
        ) from problem


def try_out(spark: "SparkSession", champion: Champion, policy: Policy) -> None:
    """Decide on made-up payments, unknown features among them.

    Raises:
        ModelRejected: it throws, or gives something that is not a probability and an action.
    """
    try:
        rows = decisions(_made_up(spark), champion, policy).select("probability", "action").collect()
    except Exception as problem:  # a plan that cannot run must not reach the stream
        raise ModelRejected(
            f"model version {champion.version} with policy {policy.version} fails: {str(problem).splitlines()[0]}"
        ) from problem
    for row in rows:
        if row.probability is None or not 0 <= row.probability <= 1 or row.action not in ACTIONS:
            raise ModelRejected(
                f"model version {champion.version} gives probability {row.probability} and action {row.action}"
            )


def _made_up(spark: "SparkSession") -> "DataFrame":
    made_up = (
        f"if((id + {n}) % 5 = 0, null, rand({n}) * pow(10D, id % 4)) as {one.name}"
        for n, one in enumerate(book.FEATURES)
    )
    names = [one.name for one in book.FEATURES]
    rows = spark.range(40, numPartitions=1).selectExpr("id", *made_up).select("id", F.struct(*names).alias("features"))
    return rows.select(
        F.lit("features").alias("topic"),
        F.lit(0).alias("features_partition"),
        F.col("id").alias("features_offset"),
        *(F.lit(None).cast(field.type).alias(field.name) for field in (*EVENT, *SEQUENCES)),
        "features",
    )
