"""Gradient boosting in MLlib: fitted with few partitions on cached rows, saved so that serving needs no Python.

The pipeline reads features as they are logged, unknown ones among them: imputation is a part of the model.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from pyspark.ml import PipelineModel
from pyspark.ml.classification import GBTClassifier, LogisticRegression, RandomForestClassifier
from pyspark.ml.feature import SQLTransformer, StandardScaler, VectorAssembler
from pyspark.ml.functions import vector_to_array
from pyspark.sql import functions as F

from pipelines.features import book
from pipelines.train.trees import watched

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Inputs = Mapping[str, float]
"""Name of each input -> what stands in for it where it is unknown."""
Note = Callable[[str], None]


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


def fit(rows: "DataFrame", inputs: Inputs, profile: Profile, note: Note = lambda _: None) -> PipelineModel:
    """Fit on rows with `label` (0.0 or 1.0), `weight` and the inputs (doubles, null is unknown).

    Args:
        rows: what to learn from.
        inputs: names in order, with defaults.
        profile: how.
        note: told how far it is.

    Returns:
        SQLTransformer (imputation), VectorAssembler and GBTClassificationModel: `rawPrediction[1]` is the margin, from minus to
        plus infinity.
    """
    with _prepared(rows, inputs) as (stages, examples, count):
        boosting = _boosting(profile, max(min(profile.bins, count), 2))
        with watched(examples.sparkSession, profile.trees, profile.depth, note):
            return PipelineModel([*stages, boosting.fit(examples)])


def logistic_regression(rows: "DataFrame", inputs: Inputs) -> PipelineModel:
    """Baseline: on standardised inputs, lightly regularised."""
    with _prepared(rows, inputs) as (stages, examples, _):
        scaler = StandardScaler(inputCol="inputs", outputCol="scaled", withMean=True).fit(examples)
        model = LogisticRegression(featuresCol="scaled", weightCol="weight", regParam=1e-3, maxIter=100)
        return PipelineModel([*stages, scaler, model.fit(scaler.transform(examples))])


def random_forest(rows: "DataFrame", inputs: Inputs, profile: Profile) -> PipelineModel:
    """Baseline: as many trees as the profile's, deep ones."""
    with _prepared(rows, inputs) as (stages, examples, count):
        forest = RandomForestClassifier(
            featuresCol="inputs",
            labelCol="label",
            weightCol="weight",
            numTrees=profile.trees,
            maxDepth=2 * profile.depth,
            maxBins=max(min(profile.bins, count), 2),
            minInstancesPerNode=5,
            seed=profile.seed,
        )
        return PipelineModel([*stages, forest.fit(examples)])


def margins(model: PipelineModel, rows: "DataFrame") -> "DataFrame":
    """Add `margin`, the model's uncalibrated output, to rows with the input columns."""
    scored = model.transform(rows).withColumn("margin", vector_to_array(F.col("rawPrediction"))[1])
    return scored.select(*rows.columns, "margin")


def importance(model: PipelineModel) -> dict[str, float]:
    """Share of the impurity that each input removed, largest first."""
    assembler, trees = cast(VectorAssembler, model.stages[1]), cast(Any, model.stages[-1])
    names = [name.removeprefix(book.FILLED) for name in assembler.getInputCols()]
    shares = zip(names, map(float, trees.featureImportances.toArray()), strict=True)
    return dict(sorted(shares, key=lambda item: -item[1]))


def _imputation(rows: "DataFrame", inputs: Inputs) -> tuple[SQLTransformer, list[str]]:
    """The stage that fills in what is unknown, and the columns it leaves for the model.

    An input that is unknown in some of the rows, not in all, has an indicator beside it. (MLlib's Imputer has none, and fills in
    a mean or median, where a feature's own default says what not to know means.)
    """
    counts = rows.selectExpr("count(*) as rows", *(f"count(`{name}`) as `{name}`" for name in inputs)).first()
    total = counts["rows"] if counts else 0
    partly = [name for name in inputs if counts and 0 < counts[name] < total]
    filled = {f"{book.FILLED}{name}": f"coalesce(`{name}`, {default!r}D)" for name, default in inputs.items()}
    columns = filled | {f"{book.UNKNOWN}{name}": f"double(`{name}` is null)" for name in partly}
    made = ", ".join(f"{sql} as `{name}`" for name, sql in columns.items())
    return SQLTransformer(statement=f"select *, {made} from __THIS__"), list(columns)


@contextmanager
def _prepared(rows: "DataFrame", inputs: Inputs) -> Iterator[tuple[list[Any], "DataFrame", int]]:
    """The stages before a classifier, and the rows behind them: cached, in few partitions, and how many."""
    imputation, columns = _imputation(rows, inputs)
    assembler = VectorAssembler(inputCols=columns, outputCol="inputs", handleInvalid="keep")
    examples = assembler.transform(imputation.transform(rows)).select("inputs", "label", "weight").coalesce(2).cache()
    try:
        yield [imputation, assembler], examples, examples.count()
    finally:
        examples.unpersist()


def _boosting(profile: Profile, bins: int) -> GBTClassifier:
    return GBTClassifier(
        featuresCol="inputs",
        labelCol="label",
        weightCol="weight",
        maxIter=profile.trees,
        stepSize=profile.step,
        maxDepth=profile.depth,
        maxBins=bins,
        subsamplingRate=profile.row_share,
        featureSubsetStrategy=str(profile.feature_share),
        seed=profile.seed,
    )
