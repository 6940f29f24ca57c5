"""A new model from what is known: features -> labels -> fit -> evaluate on later days -> registry."""

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pipelines import config, reference, registry, session
from pipelines.check import results
from pipelines.config import Settings
from pipelines.errors import QualityFailed, UsageError
from pipelines.features import book
from pipelines.flows import backfill, logged, material
from pipelines.flows.material import Known
from pipelines.label import curves
from pipelines.local import landed
from pipelines.local.project import HERE, code_version
from pipelines.reference import Population
from pipelines.score import served
from pipelines.train import examples, fit, pictures
from pipelines.train.compare import compare
from pipelines.train.evaluate import judge
from pipelines.train.intervals import DRAWS
from pipelines.train.learn import Learned, learn
from pipelines.train.progress import Progress
from pipelines.train.publish import Evidence, publish
from pipelines.train.scores import Scores, collected
from pipelines.train.split import Split, day, of_history
from pipelines.turns import turn

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FEATURE_MEMORY: Final = "1500m"
FOREVER: Final = 2**62


class Lesson(NamedTuple):
    """What to learn from and how.

    Attributes:
        profile: how to fit.
        history: folder with transactions.parquet and signals.parquet, of which nothing was decided; None: the run's lake.
        label_delay_days: payments younger than this at the end are not used; None: as long as frauds take to become known.
        logged: a stream takes the same history in: its features are used, rather than computed once more.
        compared: learn in other ways too, to be told what this one is worth.
        resamples: draws behind the intervals of the figures.
        round: name of the round of retraining that it is of.
    """

    profile: fit.Profile
    history: Path | None = None
    label_delay_days: int | None = None
    logged: bool = False
    compared: bool = False
    resamples: int = DRAWS
    round: str | None = None

    @property
    def files(self) -> list[Path]:
        """The files of the history."""
        return [self.history / f"{name}.parquet" for name in backfill.TABLES] if self.history else []


def run(settings: Settings, lesson: Lesson, promote: bool) -> str:
    """Train and register the model; `promote` lets it serve at once. Two trainings in a run take turns.

    Returns:
        Its version in the registry.

    Raises:
        UsageError: the history is missing, too short or without frauds.
        Unavailable: the registry does not answer.
        EnvironmentProblem: a runtime is missing or broken.
        QualityFailed: a critical quality suite fails on what has landed in this run.
    """
    require_quality(settings.paths.run)
    _require_material(settings, lesson)
    progress = Progress(settings.paths.status / "train.json")
    settings.paths.run.mkdir(parents=True, exist_ok=True)
    with (
        turn(settings.paths.run / "train", lambda: print("another training in this run has to end first", flush=True)),
        progress.job("train"),
        tempfile.TemporaryDirectory(prefix="train-", dir=settings.paths.run) as scratch,
    ):
        registry.champion_version(settings.registry)  # to fail now rather than after fitting
        features = Path(scratch) / "features"
        with progress.stage("features"), ThreadPoolExecutor(1) as pool:
            ready = pool.submit(_features, settings, lesson, features)
            spark = session.lake(settings.lake, "clearhold-train", settings.paths.store)  # starts meanwhile
        try:
            ready.result()
            if lesson.logged:
                with progress.stage("features"):
                    logged.write(spark, settings.kafka, features, FOREVER)
            version = train(spark, settings, lesson, features, progress)
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
    if blocking := results.standing(config.lake_of(place)).blocking:
        named = "; ".join(f"{suite}: {', '.join(checks)}" for suite, checks in blocking.items())
        raise QualityFailed(
            f"no training: critical quality suites fail in {place} ({named}); `make quality RUN={place}` looks again, "
            f"{place / 'quality' / 'index.html'} shows them"
        )


def train(spark: "SparkSession", settings: Settings, lesson: Lesson, features: Path, progress: Progress) -> str:
    """Label, fit, calibrate and evaluate on computed features, and register the model. Returns its version.

    Args:
        spark: session of the lake.
        settings: registry, labels, policy, and the run whose lake is read if the lesson has no history.
        lesson: what to learn from and how.
        features: folder with the features of the lesson's history; gets scratch files beside it.
        progress: told about each stage.
    """
    with progress.stage("labels"):
        if lesson.history:
            made = material.of_files(features, lesson.history / "signals.parquet")
        else:
            made = material.of_lake(settings.paths.lake)
        known = material.known(made, settings.labels, lesson.label_delay_days)
        split = of_history(known.first, known.end, known.delay_days)
        file = features.parent / "examples.parquet"
        material.write(made, settings.labels, split, known.end, file)
        learned_from = material.population(made, split.fit_from, split.train_until)
        made.close()
    rows = spark.read.parquet(str(file)).cache()
    inputs = book.model_inputs()
    learned = learn(rows, inputs, split, lesson.profile, progress)
    ways = compare(rows, inputs, split, lesson.profile, learned, progress) if lesson.compared else {}
    with progress.stage("evaluate"):
        scores = collected(fit.margins(learned.model, examples.between(rows, split.test_from, split.test_until)))
        if not len(scores.labels):
            raise UsageError(f"there are no payments from {day(split.test_from)} until {day(split.test_until)}")
        evidence = _evidence(settings, learned, scores, split, lesson, known, ways, learned_from, features.parent)
    with progress.stage("register"):
        version = publish(settings.registry, learned.model, evidence, features.parent)
    shown = ("rows", "frauds", "auc", "average_precision", "precision", "recall", "calibration_error", "money_saved")
    figures = ", ".join(f"{name} {evidence.metrics[name]:.4g}" for name in shown if name in evidence.metrics)
    print(f"version {version} of {settings.registry.model}: {figures}", flush=True)
    for way, found in ways.items():
        print(f"  {way}: " + ", ".join(f"{name} {value:.4g}" for name, value in found.items()), flush=True)
    return version


def _require_material(settings: Settings, lesson: Lesson) -> None:
    if not lesson.history:
        landed.require(settings.paths.run)
    for file in lesson.files:
        if not file.is_file():
            raise UsageError(f"{file} does not exist; a history holds {' and '.join(f.name for f in lesson.files)}")


def _features(settings: Settings, lesson: Lesson, out: Path) -> None:
    """Have the features of a history computed, or wait until the stream has logged them. Those of a run are in its lake."""
    if lesson.logged:
        logged.await_taken_in(settings.kafka)
    elif lesson.history:
        backfill.in_own_process(lesson.history, out, FOREVER, FEATURE_MEMORY)


def _evidence(
    settings: Settings,
    learned: Learned,
    scores: Scores,
    split: Split,
    lesson: Lesson,
    known: Known,
    ways: dict[str, dict[str, float]],
    learned_from: Population,
    scratch: Path,
) -> Evidence:
    rules = served.in_force(settings.paths)
    probabilities = learned.calibration.probabilities(scores.margins)
    judgement = judge(scores, probabilities, rules, lesson.resamples)
    serving: dict[str, Any] = {
        "feature_set": book.feature_set(),
        "inputs": book.model_inputs(),
        "calibration": learned.calibration.sql,
        "trained_until": day(split.train_until),
        "label_delay_days": known.delay_days,
        "metrics": judgement.facts(),
    }
    drawn = pictures.draw(scores, probabilities, rules, fit.importance(learned.model), scratch / "pictures")
    if known.curve:
        drawn.append(curves.draw(known.curve, settings.labels.mature_share, scratch / "pictures" / "maturity.png"))
    compared = {f"compared/{way}/{name}": value for way, found in ways.items() for name, value in found.items()}
    tags = {
        "data_version": backfill.digest(lesson.files) if lesson.history else material.version(settings.paths.lake),
        "code_version": code_version(HERE),
        "feature_set": book.feature_set(),
        "policy_version": rules.version,
    }
    parameters = learned.parameters | {"label_delay_days": known.delay_days}
    described = reference.of(learned_from, probabilities, scores.times, scores.cards)
    return Evidence(
        serving, reference.to_json(described), parameters, judgement.flat() | compared, drawn, tags, lesson.round
    )
