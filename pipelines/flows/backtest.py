"""How good a model would have been: trained on the labels known by a day, judged on the days after it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pyspark.sql import functions as F

from pipelines import session
from pipelines.config import Lake
from pipelines.errors import ConfigurationError
from pipelines.features import book
from pipelines.flows import backfill
from pipelines.ingest.mapping import read_mapping
from pipelines.ingest.sources import Source
from pipelines.train import examples, fit, pictures, split
from pipelines.train.evaluate import evaluate, unblocked
from pipelines.train.learn import Learned, learn
from pipelines.train.progress import Progress
from pipelines.train.scores import Scores, collected, to_parquet

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


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


class Past(NamedTuple):
    """Features of every payment, and the payments and signals that they were computed from."""

    features: "DataFrame"
    transactions: "DataFrame"
    signals: "DataFrame"

    def with_truth(self) -> "DataFrame":
        """Features with the true label, whether or not it was known in time."""
        truth = self.transactions.groupBy("transaction_id").agg(F.max("label").alias("label"))
        return self.features.join(truth, on="transaction_id", how="inner")


def run(plan: Plan, lake: Lake, profile: fit.Profile) -> dict[str, Any]:
    """Backtest and write `metrics.json`, `scores.parquet` and pictures into the plan's folder.

    Payments before `train_from` only fill the past; payments from `test_until` on are not read. Training sees the labels that
    are known when the test begins: it ends `label_delay_days` before `test_from` at the latest.

    Returns:
        What is in metrics.json.

    Raises:
        UsageError: the data or the dates do not allow it.
        ConfigurationError: the mapping file does not fit the data, or names no label.
    """
    windows = _windows(plan)
    mapping = read_mapping(plan.mapping)
    if mapping.label is None:
        raise ConfigurationError(f"mapping file {plan.mapping} names no label; a backtest needs one")
    progress = Progress()
    with progress.job("backtest"):
        with progress.stage("read"):
            source = Source(plan.data, mapping, until=plan.test_until)
        with progress.stage("start Spark"):
            spark = session.lake(lake, "clearhold-backtest")
        try:
            return _backtest(plan, source, spark, windows, profile, progress)
        finally:
            spark.stop()


def _backtest(
    plan: Plan, source: Source, spark: "SparkSession", windows: split.Split, profile: fit.Profile, progress: Progress
) -> dict[str, Any]:
    past = _past(plan, source, spark, progress)
    names = [feature.name for feature in book.FEATURES]
    known = backfill.inputs(examples.labelled(past.features, past.signals, windows.test_from))
    learned = learn(known, names, windows, profile, progress)
    with progress.stage("score"):
        tested = examples.between(past.with_truth(), windows.test_from, windows.test_until)
        scores = collected(fit.margins(learned.model, backfill.inputs(tested)))
        frauds = examples.between(known, windows.fit_from, windows.train_until).where("label = 1")
        blocked = unblocked(scores, collected(frauds.withColumn("margin", F.lit(0.0))), plan.label_delay_days)
    metrics = _metrics(plan, learned, scores, blocked, names)
    metrics |= {"windows": _dates(windows), "data_version": source.digest(), "seconds": progress.seconds}
    plan.out.mkdir(parents=True, exist_ok=True)
    to_parquet(scores, learned.calibration, plan.out / "scores.parquet")
    (plan.out / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n")
    pictures.draw(scores, learned.calibration, metrics["importance"], plan.out / "pictures")
    print(
        ", ".join(f"{name} {metrics[name]:.4g}" for name in ("rows", "frauds", "auc", "average_precision")), flush=True
    )
    return metrics


def _past(plan: Plan, source: Source, spark: "SparkSession", progress: Progress) -> Past:
    place = _found(plan, source)
    if not (place / "features" / "_SUCCESS").exists():
        with progress.stage("features"):
            source.write(place, plan.label_delay_days)
            backfill.compute(_table(spark, place, "transactions"), _table(spark, place, "signals"), place / "features")
    features = spark.read.parquet(str(place / "features"))
    return Past(features, _table(spark, place, "transactions"), _table(spark, place, "signals"))


def _table(spark: "SparkSession", place: Path, name: str) -> "DataFrame":
    return spark.read.parquet(str(place / f"{name}.parquet"))


def _found(plan: Plan, source: Source) -> Path:
    """Features only look back: those computed until a later day serve an earlier one."""
    kept = plan.features / f"{source.digest()[:12]}-{book.feature_set()}-{plan.label_delay_days}d"
    wanted = f"until-{plan.test_until:%Y-%m-%dT%H%M%S}"
    later = sorted(
        file.parent.parent for file in kept.glob("until-*/features/_SUCCESS") if file.parent.parent.name >= wanted
    )
    return later[0] if later else kept / wanted


def _metrics(plan: Plan, learned: Learned, scores: Scores, open_cards: Scores, names: list[str]) -> dict[str, Any]:
    return {
        **evaluate(scores, learned.calibration),
        "without_blocked_cards": evaluate(open_cards, learned.calibration),
        "label_delay_days": plan.label_delay_days,
        "parameters": learned.parameters,
        "feature_set": book.feature_set(),
        "features": names,
        "importance": fit.importance(learned.model, names),
    }


def _dates(windows: split.Split) -> dict[str, str]:
    return {name: split.day(time) for name, time in windows._asdict().items()}


def _windows(plan: Plan) -> split.Split:
    train_from, train_until = _ms(plan.train_from), _ms(plan.train_until)
    return split.between(train_from, train_until, _ms(plan.test_from), _ms(plan.test_until), plan.label_delay_days)


def _ms(date: datetime) -> int:
    return round(date.replace(tzinfo=UTC).timestamp() * 1000)
