"""How good models would have been: each trained on the labels known by a day, judged on the days after it."""

import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from pipelines import session
from pipelines.config import Labels, Lake
from pipelines.errors import ConfigurationError, LeakSuspected, UsageError
from pipelines.features import book
from pipelines.flows import backfill, material
from pipelines.ingest.mapping import read_mapping
from pipelines.ingest.sources import Source
from pipelines.rules.policy import Policy
from pipelines.train import examples, fit, pictures
from pipelines.train.compare import compare
from pipelines.train.evaluate import judge, unblocked
from pipelines.train.intervals import DRAWS
from pipelines.train.learn import Learned, learn
from pipelines.train.metrics import Numbers
from pipelines.train.progress import Progress
from pipelines.train.scores import Scores, collected, joined, to_parquet
from pipelines.train.split import Split, day, milliseconds, prequential

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


BLOCKING_DAYS: Final = 7
"""Cards with a fraud in the last days of training or later are blocked when it becomes known, as in the handbook's protocol."""


class Plan(NamedTuple):
    """What is asked.

    Attributes:
        data: a recorded data set.
        mapping: what its columns mean.
        train_from: first day to learn from (dates are UTC, from inclusive, until exclusive); None with `train_days`.
        train_until: day before which learning ends at the latest; None: where labels are not known yet.
        test_from: first day to be judged on.
        test_until: day before which judging ends.
        label_delay_days: days until a fraud is known.
        out: folder for the results.
        features: folder in which computed features are kept and found again.
        train_days: learn from the latest so many days whose labels are known.
        fold_days: judge so many days at a time, each time with a model that knew what was known then; None: all at once.
        compared: learn in other ways too.
        resamples: draws behind the intervals.
        leak_above: average precision that nobody believes; None: believe everything.
    """

    data: Path
    mapping: Path
    train_from: datetime | None
    train_until: datetime | None
    test_from: datetime
    test_until: datetime
    label_delay_days: int
    out: Path
    features: Path
    train_days: int | None = None
    fold_days: int | None = None
    compared: bool = False
    resamples: int = DRAWS
    leak_above: float | None = None

    def folds(self) -> list[Split]:
        """Which days fit, calibrate and test, fold by fold; UsageError when the dates leave none."""
        dates = (self.train_from, self.train_until, self.test_from, self.test_until)
        train_from, train_until, test_from, test_until = (_epoch(date) if date else None for date in dates)
        return prequential(
            train_from,
            train_until,
            test_from or 0,
            test_until or 0,
            self.fold_days,
            self.train_days,
            self.label_delay_days,
        )


class Fold(NamedTuple):
    """One fold, judged: its test days, what was learned, the payments of the test days with their probabilities.

    `open_`: which of these are of cards that were not blocked. `ways`: how other ways to learn did.
    """

    split: Split
    learned: Learned
    scores: Scores
    probabilities: Numbers
    open_: "np.ndarray[Any, np.dtype[np.bool_]]"
    importance: dict[str, float]
    ways: dict[str, dict[str, float]]


def run(plan: Plan, lake: Lake, profile: fit.Profile, rules: Policy) -> dict[str, Any]:
    """Backtest and write `metrics.json`, `scores.parquet` and pictures into the plan's folder.

    Payments before the first day to learn from only fill the past; payments from `test_until` on are not read. Training sees the
    labels that are known when its test begins: it ends `label_delay_days` before that at the latest.

    Returns:
        What is in metrics.json.

    Raises:
        UsageError: the data or the dates do not allow it.
        ConfigurationError: the mapping file does not fit the data, or names no label.
        EnvironmentProblem: a runtime is missing or broken.
        LeakSuspected: the average precision is better than `leak_above`.
    """
    folds = plan.folds()
    progress = Progress()
    with progress.job("backtest"):
        with progress.stage("read"):
            source = _source(plan)
            place, version = _place(plan, source), source.digest()
        if not (place / "features" / "_SUCCESS").exists():
            with progress.stage("features"):
                source.write(place, plan.label_delay_days)
                backfill.in_own_process(place, place / "features", folds[-1].test_until, lake.driver_memory)
        with progress.stage("start Spark"):
            spark = session.lake(lake, "clearhold-backtest")
        try:
            metrics = evaluate(spark, place, plan, profile, rules, progress) | {
                "data_version": version,
                "seconds": progress.seconds,
            }
        finally:
            spark.stop()
        (plan.out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    _believe(metrics, plan)
    return metrics


def evaluate(
    spark: "SparkSession", place: Path, plan: Plan, profile: fit.Profile, rules: Policy, progress: Progress
) -> dict[str, Any]:
    """Learn and judge on a folder with computed features; leaves scores.parquet and pictures. Returns the figures."""
    splits = plan.folds()
    folds = []
    for number, split in enumerate(splits, 1):
        if len(splits) > 1:
            print(f"fold {number} of {len(splits)}: {day(split.test_from)} until {day(split.test_until)}", flush=True)
        folds.append(_fold(spark, place, plan, split, profile, progress))
    scores, probabilities = joined([fold.scores for fold in folds]), np.concatenate([f.probabilities for f in folds])
    left = np.concatenate([fold.open_ for fold in folds])
    with progress.stage("judge"):
        judgement = judge(scores, probabilities, rules, plan.resamples, progress.note)
        unblocked_cards = judge(scores.where(left), probabilities[left], rules, plan.resamples, progress.note)
        each = [_judged(fold, rules) for fold in folds]
    with progress.stage("write"):
        plan.out.mkdir(parents=True, exist_ok=True)
        to_parquet(scores, probabilities, plan.out / "scores.parquet")
        pictures.draw(scores, probabilities, rules, folds[-1].importance, plan.out / "pictures")
    found = {
        **judgement.facts(),
        "without_blocked_cards": unblocked_cards.facts(),
        "mean_of_folds": _mean(each),
        "folds": each,
        "label_delay_days": plan.label_delay_days,
        "features": list(book.model_inputs()),
        "importance": folds[-1].importance,
        "feature_set": book.feature_set(),
        "policy": rules.version,
    }
    _tell(found)
    return found


def _fold(
    spark: "SparkSession", place: Path, plan: Plan, split: Split, profile: fit.Profile, progress: Progress
) -> Fold:
    inputs, truth = book.model_inputs(), place / "transactions.parquet"
    with tempfile.TemporaryDirectory(prefix="examples-", dir=place) as scratch:
        with progress.stage("labels"):
            made = material.of_files(place / "features", place / "signals.parquet")
            material.write(made, Labels(), split, split.test_from, Path(scratch) / "examples.parquet", str(truth))
            frauds = material.frauds(made, truth, split.train_until - milliseconds(BLOCKING_DAYS), split.test_until)
            made.close()
        rows = spark.read.parquet(f"{scratch}/examples.parquet")
        learned = learn(rows, inputs, split, profile, progress)
        ways = compare(rows, inputs, split, profile, learned, progress) if plan.compared else {}
        with progress.stage("score"):
            tested = examples.between(rows, split.test_from, split.test_until)
            scores = collected(fit.margins(learned.model, tested))
    if not len(scores.labels):
        raise UsageError(f"{plan.data} holds no payments from {day(split.test_from)} until {day(split.test_until)}")
    return Fold(
        split,
        learned,
        scores,
        learned.calibration.probabilities(scores.margins),
        unblocked(scores, frauds, plan.label_delay_days),
        fit.importance(learned.model),
        ways,
    )


def _judged(fold: Fold, rules: Policy) -> dict[str, Any]:
    left = fold.open_
    return {
        "windows": {name: day(time) for name, time in fold.split._asdict().items()},
        **judge(fold.scores, fold.probabilities, rules).facts(),
        "without_blocked_cards": judge(fold.scores.where(left), fold.probabilities[left], rules).facts(),
        "parameters": fold.learned.parameters,
        "compared": fold.ways,
    }


def _mean(folds: list[dict[str, Any]]) -> dict[str, float | None]:
    """Of the figures without blocked cards: what the handbook's protocol reports."""
    parts = [fold["without_blocked_cards"] for fold in folds]
    means = {}
    for name in (name for name, value in parts[0].items() if isinstance(value, float)):
        values = [part[name] for part in parts if part[name] is not None]
        means[name] = round(float(np.mean(values)), 6) if values else None
    return means


def _tell(found: dict[str, Any]) -> None:
    shown = ("rows", "frauds", "average_precision", "auc", "card_precision_at_100", "precision", "recall")
    for title, part in (("all payments", found), ("without blocked cards", found["without_blocked_cards"])):
        print(f"{title}: " + ", ".join(_figure(name, part) for name in shown), flush=True)
    if len(found["folds"]) > 1:
        mean = found["mean_of_folds"]
        print("mean of the folds, without blocked cards: " + ", ".join(_figure(n, mean) for n in shown[2:]), flush=True)
    for fold in found["folds"]:
        for way, figures in fold["compared"].items():
            ranked = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
            print(f"{fold['windows']['test_from']}, {way}, on its calibration days: {ranked}", flush=True)


def _figure(name: str, part: dict[str, Any]) -> str:
    value = part.get(name)
    low_high = part.get("intervals", {}).get(name)
    text = "unknown" if value is None else f"{value:.4f}" if isinstance(value, float) and value < 1 else f"{value:,.0f}"
    return f"{name} {text}" + (f" ({low_high[0]:.4f} to {low_high[1]:.4f})" if low_high else "")


def _believe(found: dict[str, Any], plan: Plan) -> None:
    reached = found["mean_of_folds"]["average_precision"]
    if plan.leak_above is not None and reached is not None and reached > plan.leak_above:
        raise LeakSuspected(
            f"average precision {reached:.4f} is above {plan.leak_above}: too good to be true. Look for what knows the outcome: "
            f"importance in {plan.out / 'metrics.json'}"
        )


def _epoch(date: datetime) -> int:
    return round(date.replace(tzinfo=UTC).timestamp() * 1000)


def _source(plan: Plan) -> Source:
    mapping = read_mapping(plan.mapping)
    if mapping.label is None:
        raise ConfigurationError(f"mapping file {plan.mapping} names no label; a backtest needs one")
    return Source(plan.data, mapping, until=plan.test_until)


def _place(plan: Plan, source: Source) -> Path:
    """Where features are or will be. They only look back: those computed until a later day serve an earlier one."""
    kept = plan.features / f"{source.digest()[:12]}-{book.feature_set()}-{plan.label_delay_days}d"
    wanted = f"until-{plan.test_until:%Y-%m-%dT%H%M%S}"
    whole = sorted(mark.parents[1] for mark in kept.glob("until-*/features/_SUCCESS"))
    return next((place for place in whole if place.name >= wanted), kept / wanted)
