"""Search for how to fit: Optuna proposes, validation folds inside the training days judge; test days are never looked at."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
import optuna

from pipelines.errors import UsageError
from pipelines.train.examples import between, undersampled
from pipelines.train.fit import FULL, Inputs, Profile, fit, margins
from pipelines.train.learn import ranked
from pipelines.train.progress import Progress
from pipelines.train.scores import collected
from pipelines.train.split import DAY, Split

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, Trial
    from pyspark.sql import DataFrame

Method = Literal["random", "grid", "bayes"]
GRID: Final[dict[str, list[Any]]] = {
    "trees": [60, 100, 150],
    "step": [0.05, 0.1],
    "depth": [4, 5],
    "genuine_per_fraud": [5.0, 10.0],
}
"""What a grid search goes through; the rest stays as in the full profile."""
FOLDS: Final = 3
SEED: Final = 1


class Validation(NamedTuple):
    """One validation fold, epoch milliseconds: learn from `begin` until `until`, judge from `judge_from` until `judge_until`."""

    begin: int
    until: int
    judge_from: int
    judge_until: int


class Trialled(NamedTuple):
    """One finished trial: its number, parameters, mean average precision, and whether it was given up early."""

    number: int
    parameters: dict[str, Any]
    average_precision: float | None
    pruned: bool


def validation_folds(split: Split, delay_days: int, count: int = FOLDS) -> list[Validation]:
    """The last days that may be learned from, in `count` folds one after another, each with the label delay before it.

    Raises:
        UsageError: there are too few days.
    """
    length = (split.train_until - split.fit_from) // (2 * count)
    folds = []
    for number in range(count):
        judge_from = split.train_until - (count - number) * length
        folds.append(Validation(split.fit_from, judge_from - delay_days * DAY, judge_from, judge_from + length))
    if length < DAY or folds[0].until - split.fit_from < 2 * DAY:
        raise UsageError(
            "there are too few days with known labels to tune on: come back later, or train from an earlier day"
        )
    return folds


def proposed(trial: "Trial", method: Method) -> Profile:
    """A way to fit, as the sampler wants it."""
    if method == "grid":
        return FULL._replace(name="tuned", **{name: trial.suggest_categorical(name, GRID[name]) for name in GRID})
    return Profile(
        name="tuned",
        trees=trial.suggest_int("trees", 60, 160, step=10),
        step=trial.suggest_float("step", 0.03, 0.2, log=True),
        depth=trial.suggest_int("depth", 3, 6),
        row_share=trial.suggest_float("row_share", 0.5, 1.0),
        feature_share=trial.suggest_float("feature_share", 0.2, 0.8),
        genuine_per_fraud=trial.suggest_float("genuine_per_fraud", 3.0, 20.0, log=True),
    )


def study(storage: str, name: str, method: Method) -> optuna.Study:
    """The search, or what there is of it: it goes on where it was left, with other draws than before."""
    seed = SEED + _length(storage, name)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    samplers: dict[Method, Callable[[], BaseSampler]] = {
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
        "grid": lambda: optuna.samplers.GridSampler(GRID, seed=seed),
        "bayes": lambda: optuna.samplers.TPESampler(seed=seed, n_startup_trials=6),
    }
    return optuna.create_study(
        storage=storage,
        study_name=name,
        sampler=samplers[method](),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3, n_warmup_steps=0),
        direction="maximize",
        load_if_exists=True,
    )


def search(
    searched: optuna.Study,
    method: Method,
    trials: int,
    rows: "DataFrame",
    inputs: Inputs,
    folds: list[Validation],
    progress: Progress,
    told: Callable[[Trialled], None],
) -> None:
    """Go on until the study has `trials` finished trials. A trial that looks worse than half of the others is given up early.

    Args:
        searched: from `study`.
        method: how it proposes.
        trials: finished ones that are enough, those of earlier searches included.
        rows: transaction_id, card_id, event_ms, label, weight and the inputs.
        inputs: names with defaults.
        folds: from `validation_folds`.
        progress: told which trial and tree.
        told: called with every trial that ends.
    """

    def objective(trial: "Trial") -> float:
        profile, reached = proposed(trial, method), []
        for number, fold in enumerate(folds):
            with progress.stage(f"trial {trial.number}, fold {number + 1} of {len(folds)}"):
                examples, _ = undersampled(
                    between(rows, fold.begin, fold.until), profile.genuine_per_fraud, profile.seed
                )
                model = fit(examples, inputs, profile, progress.note)
                later = collected(margins(model, between(rows, fold.judge_from, fold.judge_until)))
            reached.append(ranked(later)["average_precision"])
            trial.report(float(np.nanmean(reached)), number)
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(np.nanmean(reached))

    def ended(_: optuna.Study, trial: "FrozenTrial") -> None:
        pruned = trial.state == optuna.trial.TrialState.PRUNED
        told(Trialled(trial.number, trial.params, trial.value, pruned))

    left = trials - len(finished(searched))
    if left > 0:
        searched.optimize(objective, n_trials=left, callbacks=[ended])


def _length(storage: str, name: str) -> int:
    """Trials that a study has, finished or not; 0 where there is none."""
    known = {one.study_name: one.n_trials for one in optuna.get_all_study_summaries(storage)}
    return known.get(name, 0)


def finished(searched: optuna.Study) -> list["FrozenTrial"]:
    """Trials that came to an end, pruned ones included; what was killed in the middle is not among them."""
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    return searched.get_trials(deepcopy=False, states=states)


def best(searched: optuna.Study) -> Profile | None:
    """The best profile so far; None before a trial has come to its end."""
    if not searched.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)):
        return None
    return FULL._replace(name="tuned", **searched.best_params)
