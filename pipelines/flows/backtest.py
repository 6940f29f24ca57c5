"""How good a model would have been: trained on the labels known by a day, judged on the days after it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyspark.sql import functions as F

from pipelines import session
from pipelines.config import Lake
from pipelines.errors import ConfigurationError, UsageError
from pipelines.features import book
from pipelines.flows import backfill
from pipelines.ingest.mapping import read_mapping
from pipelines.ingest.sources import Source
from pipelines.train import examples, fit, pictures
from pipelines.train.evaluate import evaluate, unblocked
from pipelines.train.learn import Learned, learn
from pipelines.train.progress import Progress
from pipelines.train.scores import Scores, collected, to_parquet
from pipelines.train.split import Split, between, day, milliseconds

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


BLOCKING_DAYS: Final = 7
"""Cards with a fraud in the last days of training or later are blocked when it becomes known, as in the handbook's protocol."""


class Plan(NamedTuple):
    """What is asked: a data set, dates (UTC; from inclusive, until exclusive), and where results go.

    `features` is a folder in which computed features are kept and found again.
    """

    data: Path
    mapping: Path
    train_from: datetime
    train_until: datetime
    test_from: datetime
    test_until: datetime
    label_delay_days: int
    out: Path
    features: Path

    def windows(self) -> Split:
        """Which days fit, calibrate and test; UsageError when the dates leave none."""
        train_from, train_until, test_from, test_until = (
            round(date.replace(tzinfo=UTC).timestamp() * 1000)
            for date in (self.train_from, self.train_until, self.test_from, self.test_until)
        )
        return between(train_from, train_until, test_from, test_until, self.label_delay_days)


class Past(NamedTuple):
    """What is known of a recorded data set: features of every payment, payments with their true label, signals."""

    features: "DataFrame"
    transactions: "DataFrame"
    signals: "DataFrame"

    def as_known(self, at: int) -> "DataFrame":
        """Model inputs with the label known at a time (epoch milliseconds)."""
        return backfill.inputs(examples.labelled(self.features, self.signals, at))

    def in_truth(self) -> "DataFrame":
        """Model inputs with the true label, whether or not it was known in time."""
        truth = self.transactions.groupBy("transaction_id").agg(F.max("label").alias("label"))
        return backfill.inputs(self.features.join(truth, on="transaction_id", how="inner"))


def run(plan: Plan, lake: Lake, profile: fit.Profile) -> dict[str, Any]:
    """Backtest and write `metrics.json`, `scores.parquet` and pictures into the plan's folder.

    Payments before `train_from` only fill the past; payments from `test_until` on are not read. Training sees the labels that
    are known when the test begins: it ends `label_delay_days` before `test_from` at the latest.

    Returns:
        What is in metrics.json.

    Raises:
        UsageError: the data or the dates do not allow it.
        ConfigurationError: the mapping file does not fit the data, or names no label.
        EnvironmentProblem: a runtime is missing or broken.
    """
    windows = plan.windows()
    progress = Progress()
    with progress.job("backtest"):
        with progress.stage("read"):
            source = _source(plan)
            place, version = _place(plan, source), source.digest()
        if not (place / "features" / "_SUCCESS").exists():
            with progress.stage("features"):
                source.write(place, plan.label_delay_days)
                backfill.in_own_process(place, place / "features", windows.test_until, lake.driver_memory)
        with progress.stage("start Spark"):
            spark = session.lake(lake, "clearhold-backtest")
        try:
            metrics = judge(spark, place, plan, profile, progress) | {
                "data_version": version,
                "seconds": progress.seconds,
            }
        finally:
            spark.stop()
        (plan.out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    return metrics


def judge(spark: "SparkSession", place: Path, plan: Plan, profile: fit.Profile, progress: Progress) -> dict[str, Any]:
    """Learn and judge on a folder with computed features; leaves scores.parquet and pictures. Returns the figures."""
    windows = plan.windows()
    names = [feature.name for feature in book.FEATURES]
    past = Past(
        *(spark.read.parquet(str(place / name)) for name in ("features", "transactions.parquet", "signals.parquet"))
    )
    known = past.as_known(windows.test_from)
    learned = learn(known, names, windows, profile, progress)
    with progress.stage("score"):
        tested = examples.between(past.in_truth(), windows.test_from, windows.test_until)
        scores = collected(fit.margins(learned.model, tested))
        if not len(scores.labels):
            raise UsageError(
                f"{plan.data} holds no payments from {day(windows.test_from)} until {day(windows.test_until)}"
            )
        since = windows.train_until - milliseconds(BLOCKING_DAYS)
        lately = examples.between(past.in_truth(), since, windows.test_until)
        frauds = collected(lately.where("label = 1").withColumn("margin", F.lit(0.0)))
    importance = fit.importance(learned.model, names)
    with progress.stage("write"):
        plan.out.mkdir(parents=True, exist_ok=True)
        to_parquet(scores, learned.calibration, plan.out / "scores.parquet")
        pictures.draw(scores, learned.calibration, importance, plan.out / "pictures")
    return _figures(plan, learned, scores, frauds) | {"features": names, "importance": importance}


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


def _figures(plan: Plan, learned: Learned, scores: Scores, frauds: Scores) -> dict[str, Any]:
    figures = _known(evaluate(scores, learned.calibration))
    print(", ".join(f"{name} {value}" for name, value in figures.items()), flush=True)
    return {
        **figures,
        "without_blocked_cards": _known(
            evaluate(unblocked(scores, frauds, plan.label_delay_days), learned.calibration)
        ),
        "label_delay_days": plan.label_delay_days,
        "windows": {name: day(time) for name, time in plan.windows()._asdict().items()},
        "parameters": learned.parameters,
        "feature_set": book.feature_set(),
    }


def _known(figures: dict[str, float]) -> dict[str, float | None]:
    return {name: round(value, 6) if value == value else None for name, value in figures.items()}  # JSON knows no nan
