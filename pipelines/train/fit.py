"""Gradient boosting in MLlib: fitted with few partitions on cached rows, saved so that serving needs no Python."""

from typing import TYPE_CHECKING, Final, NamedTuple, cast

from pyspark.ml import PipelineModel
from pyspark.ml.classification import GBTClassificationModel, GBTClassifier
from pyspark.ml.feature import VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Profile(NamedTuple):
    """How a model is fitted. The default of 32 bins would hide rare large amounts: never below 256 where rows allow it."""

    name: str
    trees: int
    step: float
    depth: int = 5
    bins: int = 512
    row_share: float = 0.7
    feature_share: float = 0.4
    genuine_per_fraud: float = 10.0
    refit: bool = True
    seed: int = 1


FULL: Final = Profile("full", trees=100, step=0.07)
QUICK: Final = Profile("quick", trees=40, step=0.15, bins=256, refit=False)
"""For demos and tests: what was held out for calibration is not learned afterwards."""


def fit(rows: "DataFrame", inputs: list[str], profile: Profile) -> PipelineModel:
    """Fit on rows with `label` (0.0 or 1.0) and the input columns (doubles, never null).

    Returns:
        VectorAssembler and GBTClassificationModel: `rawPrediction[1]` is the margin, from minus to plus infinity.
    """
    assembler = VectorAssembler(inputCols=inputs, outputCol="inputs", handleInvalid="keep")
    examples = assembler.transform(rows).select("inputs", "label").coalesce(2).cache()
    try:
        bins = max(min(profile.bins, examples.count()), 2)
        return PipelineModel([assembler, _boosting(profile, bins).fit(examples)])
    finally:
        examples.unpersist()


def margins(model: PipelineModel, rows: "DataFrame") -> "DataFrame":
    """Add `margin`, the model's uncalibrated output, to rows with the input columns."""
    scored = model.transform(rows).withColumn("margin", vector_to_array(F.col("rawPrediction"))[1])
    return scored.drop("inputs", "rawPrediction", "probability", "prediction")


def importance(model: PipelineModel, inputs: list[str]) -> dict[str, float]:
    """Share of the impurity that each input removed, largest first."""
    shares = cast(GBTClassificationModel, model.stages[-1]).featureImportances.toArray()
    return dict(sorted(zip(inputs, map(float, shares), strict=True), key=lambda item: -item[1]))


def _boosting(profile: Profile, bins: int) -> GBTClassifier:
    return GBTClassifier(
        featuresCol="inputs",
        labelCol="label",
        maxIter=profile.trees,
        stepSize=profile.step,
        maxDepth=profile.depth,
        maxBins=bins,
        subsamplingRate=profile.row_share,
        featureSubsetStrategy=str(profile.feature_share),
        seed=profile.seed,
    )
