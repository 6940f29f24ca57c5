"""One honest fit: learn on the earlier days, calibrate on the later ones, then learn from all of them."""

from typing import TYPE_CHECKING, Any, NamedTuple

from pyspark.ml import PipelineModel

from pipelines.train import metrics
from pipelines.train.calibrate import Calibration, calibrate
from pipelines.train.examples import between, undersampled
from pipelines.train.fit import Inputs, Profile, fit, margins
from pipelines.train.progress import Progress
from pipelines.train.scores import Scores, collected
from pipelines.train.split import Split, day

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Learned(NamedTuple):
    """A model with its calibration, the parameters that led to it, and how well it ranked the calibration days unseen."""

    model: PipelineModel
    calibration: Calibration
    parameters: dict[str, Any]
    validation: dict[str, float]


def learn(rows: "DataFrame", inputs: Inputs, split: Split, profile: Profile, progress: Progress) -> Learned:
    """Fit and calibrate.

    The calibration is that of the model which had not seen the calibration days. A refitted model takes it over: it has the
    same make and its margins on unseen payments are distributed alike (scikit-learn's CalibratedClassifierCV with
    ensemble=False does the same).

    Args:
        rows: transaction_id, card_id, event_ms, label (as known, 0.0 or 1.0), weight and the inputs.
        inputs: names of the model's inputs in order, with what stands in for an unknown one.
        split: its test window is not looked at.
        profile: how to fit.
        progress: told about each stage.

    Raises:
        UsageError: there is nothing to learn from.
    """
    with progress.stage("fit"):
        earlier = between(rows, split.fit_from, split.calibrate_from)
        examples, share = undersampled(earlier, profile.genuine_per_fraud, profile.seed)
        model = fit(examples, inputs, profile, progress.note)
    with progress.stage("calibrate"):
        later = collected(margins(model, between(rows, split.calibrate_from, split.train_until)))
        calibration = calibrate(later.margins, later.labels, share, later.weights)
    if profile.refit:
        with progress.stage("refit"):
            whole = between(rows, split.fit_from, split.train_until)
            examples, _ = undersampled(whole, profile.genuine_per_fraud, profile.seed)
            model = fit(examples, inputs, profile, progress.note)
    windows = {name: day(time) for name, time in split._asdict().items()}
    parameters = {**profile._asdict(), **windows, **calibration._asdict()}
    return Learned(model, calibration, parameters, ranked(later) | {"seconds": progress.seconds["fit"]})


def ranked(scores: Scores) -> dict[str, float]:
    """How well margins rank payments: average_precision and auc."""
    return {
        "average_precision": metrics.average_precision(scores.labels, scores.margins, scores.weights),
        "auc": metrics.auc(scores.labels, scores.margins, scores.weights),
    }
