"""One honest fit: learn on the earlier days, calibrate on the later ones, then learn from all of them."""

from typing import TYPE_CHECKING, Any, NamedTuple

from pyspark.ml import PipelineModel

from pipelines.train.calibrate import Calibration, calibrate
from pipelines.train.examples import between, undersampled
from pipelines.train.fit import Profile, fit, margins
from pipelines.train.progress import Progress
from pipelines.train.scores import collected
from pipelines.train.split import Split, day

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Learned(NamedTuple):
    """A model with its calibration, and the parameters that led to it."""

    model: PipelineModel
    calibration: Calibration
    parameters: dict[str, Any]


def learn(rows: "DataFrame", inputs: list[str], split: Split, profile: Profile, progress: Progress) -> Learned:
    """Fit and calibrate.

    The calibration is that of the model which had not seen the calibration days. A refitted model takes it over: it has the
    same make and its margins on unseen payments are distributed alike (scikit-learn's CalibratedClassifierCV with
    ensemble=False does the same).

    Args:
        rows: transaction_id, card_id, event_ms, label (as known, 0.0 or 1.0) and the inputs.
        inputs: names of the model's inputs in order.
        split: its test window is not looked at.
        profile: how to fit.
        progress: told about each stage.

    Raises:
        UsageError: there is nothing to learn from.
    """
    with progress.stage("fit"):
        earlier = between(rows, split.fit_from, split.calibrate_from)
        examples, share = undersampled(earlier, profile.genuine_per_fraud, profile.seed)
        model = fit(examples, inputs, profile)
    with progress.stage("calibrate"):
        later = collected(margins(model, between(rows, split.calibrate_from, split.train_until)))
        calibration = calibrate(later.margins, later.labels, share)
    if profile.refit:
        with progress.stage("refit"):
            whole = between(rows, split.fit_from, split.train_until)
            examples, _ = undersampled(whole, profile.genuine_per_fraud, profile.seed)
            model = fit(examples, inputs, profile)
    windows = {name: day(time) for name, time in split._asdict().items()}
    return Learned(model, calibration, {**profile._asdict(), **windows, **calibration._asdict()})
