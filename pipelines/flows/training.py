"""A new model from what is known: history -> features -> labels -> fit -> evaluate on later days -> registry."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import registry, session
from pipelines.config import Settings
from pipelines.errors import UsageError
from pipelines.features import book
from pipelines.flows import backfill
from pipelines.train import examples, fit, pictures
from pipelines.train.evaluate import evaluate
from pipelines.train.learn import Learned, learn
from pipelines.train.progress import Progress
from pipelines.train.publish import Evidence, publish
from pipelines.train.scores import Scores, collected
from pipelines.train.split import Split, day, of_history

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

HISTORY = ("transactions.parquet", "signals.parquet")


def run(settings: Settings, history: Path, profile: fit.Profile, label_delay_days: int, promote: bool) -> str:
    """Train on a history and register the model.

    Args:
        settings: where the registry is, what the lake session may use, where the run's files go.
        history: folder with transactions.parquet and signals.parquet; truth that nobody knew yet is not looked at.
        profile: how to fit.
        label_delay_days: payments younger than this at the end of the history are not used.
        promote: let the model serve at once.

    Returns:
        Its version in the registry.

    Raises:
        UsageError: the history is missing, too short or without frauds.
        Unavailable: the registry does not answer.
    """
    files = [history / name for name in HISTORY]
    for file in files:
        if not file.is_file():
            raise UsageError(f"{file} does not exist; a history holds {' and '.join(HISTORY)}")
    progress = Progress(settings.paths.status / "train.json")
    settings.paths.run.mkdir(parents=True, exist_ok=True)
    with progress.job("train"), tempfile.TemporaryDirectory(prefix="train-", dir=settings.paths.run) as scratch:
        registry.champion_version(settings.registry)  # to fail now rather than after fitting
        version = _train(settings, files, profile, label_delay_days, Path(scratch), progress)
        if promote:
            registry.promote(settings.registry, version)
        print(
            f"version {version} of {settings.registry.model} is registered{' and serves' if promote else ''}",
            flush=True,
        )
    return version


def _train(
    settings: Settings,
    files: list[Path],
    profile: fit.Profile,
    label_delay_days: int,
    scratch: Path,
    progress: Progress,
) -> str:
    with progress.stage("start Spark"):
        spark = session.lake(settings.lake, "clearhold-train")
    try:
        transactions, signals = (spark.read.parquet(str(file)) for file in files)
        split = of_history(*_span(transactions), label_delay_days)
        known_at = split.test_until + label_delay_days * 86_400_000
        with progress.stage("features"):
            seen = transactions.where(f"unix_millis(to_timestamp(event_time)) < {split.test_until}")
            features = backfill.compute(seen, signals, scratch / "features")
        rows = backfill.inputs(examples.labelled(features, signals, known_at)).cache()
        names = [feature.name for feature in book.FEATURES]
        learned = learn(rows, names, split, profile, progress)
        with progress.stage("evaluate"):
            scores = collected(fit.margins(learned.model, examples.between(rows, split.test_from, split.test_until)))
            evidence = _evidence(learned, scores, split, label_delay_days, names, files, scratch)
        with progress.stage("register"):
            return publish(settings.registry, learned.model, evidence)
    finally:
        spark.stop()


def _span(transactions: "DataFrame") -> tuple[int, int]:
    times = transactions.selectExpr("unix_millis(to_timestamp(event_time)) as at")
    first, last = times.selectExpr("min(at)", "max(at)").first() or (None, None)
    if first is None or last is None:
        raise UsageError("the history holds no payment with a time")
    return first, last + 1


def _evidence(
    learned: Learned,
    scores: Scores,
    split: Split,
    label_delay_days: int,
    names: list[str],
    files: list[Path],
    scratch: Path,
) -> Evidence:
    figures = evaluate(scores, learned.calibration)
    print(", ".join(f"{name} {value:.4g}" for name, value in figures.items()), flush=True)
    serving: dict[str, Any] = {
        "feature_set": book.feature_set(),
        "inputs": names,
        "calibration": learned.calibration.sql,
        "trained_until": day(split.train_until),
        "label_delay_days": label_delay_days,
        "metrics": figures,
    }
    drawn = pictures.draw(scores, learned.calibration, fit.importance(learned.model, names), scratch / "pictures")
    known = {name: value for name, value in figures.items() if value == value}  # MLflow's database refuses nan
    return Evidence(serving, learned.parameters, known, drawn, backfill.digest(files))
