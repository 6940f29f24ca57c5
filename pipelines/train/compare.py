"""Other ways to learn the same, beside the one that is used: what boosting with undersampling is worth, on validation days."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyspark.ml import PipelineModel
from pyspark.sql import functions as F

from pipelines.train.examples import between, undersampled
from pipelines.train.fit import Inputs, Profile, fit, logistic_regression, margins, random_forest
from pipelines.train.learn import Learned, ranked
from pipelines.train.progress import Progress
from pipelines.train.scores import collected
from pipelines.train.split import Split

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def compare(
    rows: "DataFrame", inputs: Inputs, split: Split, profile: Profile, learned: Learned, progress: Progress
) -> dict[str, dict[str, float]]:
    """Fit each way on the days before calibration and judge it on the calibration days. Test days are not looked at.

    Returns:
        Way -> average_precision, auc and seconds of the fit: boosting on undersampled rows, which `learned` has done already; on
        all rows, with frauds weighted up until they weigh as much against the genuine ones; logistic regression and random
        forest on undersampled rows.
    """
    earlier = between(rows, split.fit_from, split.calibrate_from)
    later = between(rows, split.calibrate_from, split.train_until).cache()
    examples, share = undersampled(earlier, profile.genuine_per_fraud, profile.seed)
    weighted = earlier.withColumn("weight", F.expr(f"weight * if(label = 1, {1 / share!r}D, 1D)"))
    ways: dict[str, Callable[[], PipelineModel]] = {
        "boosting class weights": lambda: fit(weighted, inputs, profile, progress.note),
        "logistic regression undersampled": lambda: logistic_regression(examples, inputs),
        "random forest undersampled": lambda: random_forest(examples, inputs, profile),
    }
    found = {"boosting undersampled": learned.validation}
    for name, learn in ways.items():
        with progress.stage(f"compare: {name}"):
            model = learn()
        found[name] = ranked(collected(margins(model, later))) | {"seconds": progress.seconds[f"compare: {name}"]}
    later.unpersist()
    return found
