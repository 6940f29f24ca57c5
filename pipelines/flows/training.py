"""A new model from what is known: history -> features -> labels -> fit -> evaluate on later days -> registry."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines import registry, session
from pipelines.check import results
from pipelines.config import Registry, Settings
from pipelines.errors import QualityFailed, UsageError
from pipelines.features import book
from pipelines.flows import backfill, logged
from pipelines.train import examples, fit, pictures
from pipelines.train.evaluate import evaluate
from pipelines.train.learn import Learned, learn
from pipelines.train.progress import Progress
from pipelines.train.publish import Evidence, publish
from pipelines.train.scores import Scores, collected
from pipelines.train.split import Split, day, epoch, milliseconds, of_history

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FEATURE_MEMORY: Final = "1500m"


class Lesson(NamedTuple):
    """What to learn from and how.

    Attributes:
        history: folder with transactions.parquet and signals.parquet; what nobody knew yet is not looked at.
        profile: how to fit.
        label_delay_days: payments younger than this at the end of the history are not used.
        logged: a stream takes the same history in: its features are used, rather than computed once more.
    """

    history: Path
    profile: fit.Profile
    label_delay_days: int
    logged: bool = False

    @property
    def files(self) -> list[Path]:
        """The files of the history."""
        return [self.history / f"{name}.parquet" for name in backfill.TABLES]


def run(settings: Settings, lesson: Lesson, promote: bool) -> str:
    """Train on a history and register the model; `promote` lets it serve at once.

    Returns:
        Its version in the registry.

    Raises:
        UsageError: the history is missing, too short or without frauds.
        Unavailable: the registry does not answer.
        EnvironmentProblem: a runtime is missing or broken.
        QualityFailed: a critical quality suite fails on what has landed in this run.
    """
    require_quality(settings.paths.run)
    split = windows(lesson)
    progress = Progress(settings.paths.status / "train.json")
    settings.paths.run.mkdir(parents=True, exist_ok=True)
    with progress.job("train"), tempfile.TemporaryDirectory(prefix="train-", dir=settings.paths.run) as scratch:
        registry.champion_version(settings.registry)  # to fail now rather than after fitting
        features = Path(scratch) / "features"
        with progress.stage("features"), ThreadPoolExecutor(1) as pool:
            if lesson.logged:
                ready = pool.submit(logged.await_taken_in, settings.kafka)
            else:
                ready = pool.submit(backfill.in_own_process, lesson.history, features, split.test_until, FEATURE_MEMORY)
            spark = session.lake(settings.lake, "clearhold-train")  # starts meanwhile
        try:
            ready.result()
            if lesson.logged:
                with progress.stage("features"):
                    logged.write(spark, settings.kafka, features, split.test_until)
            version = train(spark, settings.registry, lesson, split, features, progress)
        finally:
            spark.stop()
        if promote:
            registry.promote(settings.registry, version)
    return version


def require_quality(place: Path) -> None:
    """Refuse to learn in a run whose landed rows are not as they should be. Rows that nobody has looked at yet are no reason.

    Raises:
        QualityFailed: a check of a critical suite failed when it was last judged.
    """
    if blocking := results.standing(place / "lake").blocking:
        named = "; ".join(f"{suite}: {', '.join(checks)}" for suite, checks in blocking.items())
        raise QualityFailed(
            f"no training: critical quality suites fail in {place} ({named}); `make quality RUN={place}` looks again, "
            f"{place / 'quality' / 'index.html'} shows them"
        )


def train(spark: "SparkSession", to: Registry, lesson: Lesson, split: Split, features: Path, progress: Progress) -> str:
    """Fit, calibrate and evaluate on computed features, and register the model. Returns its version."""
    signals = spark.read.parquet(str(lesson.history / "signals.parquet"))
    known_at = split.test_until + milliseconds(lesson.label_delay_days)
    rows = backfill.inputs(examples.labelled(spark.read.parquet(str(features)), signals, known_at)).cache()
    names = [feature.name for feature in book.FEATURES]
    learned = learn(rows, names, split, lesson.profile, progress)
    with progress.stage("evaluate"):
        scores = collected(fit.margins(learned.model, examples.between(rows, split.test_from, split.test_until)))
        evidence = _evidence(learned, scores, split, lesson, names, features.parent)
    with progress.stage("register"):
        version = publish(to, learned.model, evidence)
    figures = ", ".join(f"{name} {value:.4g}" for name, value in evidence.metrics.items())
    print(f"version {version} of {to.model}: {figures}", flush=True)
    return version


def windows(lesson: Lesson) -> Split:
    """Which days of the history fit, calibrate and test.

    Raises:
        UsageError: the history is missing or too short.
    """
    for file in lesson.files:
        if not file.is_file():
            raise UsageError(f"{file} does not exist; a history holds {' and '.join(f.name for f in lesson.files)}")
    found = pc.min_max(pq.read_table(lesson.files[0], columns=["event_time"])["event_time"]).as_py()
    if found["min"] is None:
        raise UsageError(f"{lesson.files[0]} holds no payment with a time")
    first, last = epoch(found["min"]), epoch(found["max"])
    return of_history(first, last + 1, lesson.label_delay_days)


def _evidence(
    learned: Learned, scores: Scores, split: Split, lesson: Lesson, names: list[str], scratch: Path
) -> Evidence:
    figures = evaluate(scores, learned.calibration)
    serving: dict[str, Any] = {
        "feature_set": book.feature_set(),
        "inputs": names,
        "calibration": learned.calibration.sql,
        "trained_until": day(split.train_until),
        "label_delay_days": lesson.label_delay_days,
        "metrics": figures,
    }
    drawn = pictures.draw(scores, learned.calibration, fit.importance(learned.model, names), scratch / "pictures")
    known = {name: value for name, value in figures.items() if value == value}  # MLflow's database refuses nan
    return Evidence(serving, learned.parameters, known, drawn, backfill.digest(lesson.files))
