"""A search for how to fit on what has landed in a run: trials in MLflow, the best one for the next training."""

import json
import tempfile
from pathlib import Path
from typing import Any, Final

import mlflow

from pipelines import registry, session
from pipelines.config import Settings
from pipelines.errors import UsageError
from pipelines.features import book
from pipelines.files import put_json
from pipelines.flows import material
from pipelines.local import landed
from pipelines.train import tune
from pipelines.train.fit import Profile
from pipelines.train.progress import Progress
from pipelines.train.split import of_history
from pipelines.train.tune import Method, Trialled

FOLDER: Final = "tuning"
BEST: Final = "best.json"


def run(settings: Settings, method: Method, trials: int) -> Profile:
    """Search until there are `trials` finished trials; goes on where an earlier search of the same method was left.

    Leaves a nested MLflow run for every trial below one run of the search, the search itself in tuning/study.db and the best
    profile in tuning/best.json of the run's folder.

    Raises:
        UsageError: nothing has landed, or there are too few days with known labels.
        Unavailable: the registry does not answer.
    """
    lake = landed.require(settings.paths.run)
    registry.champion_version(settings.registry)  # to fail now rather than after a trial
    place = settings.paths.run / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    progress = Progress(settings.paths.status / "tune.json")
    searched = tune.study(f"sqlite:///{place.absolute()}/study.db", f"{method}-{book.feature_set()}", method)
    print(f"{method} search: {len(tune.finished(searched))} of {trials} trials are finished", flush=True)
    with progress.job("tune"), tempfile.TemporaryDirectory(prefix="tune-", dir=settings.paths.run) as scratch:
        with progress.stage("labels"):
            made = material.of_lake(lake)
            known = material.known(made, settings.labels, None)
            split = of_history(known.first, known.end, known.delay_days)
            folds = tune.validation_folds(split, known.delay_days)
            material.write(made, settings.labels, split, known.end, Path(scratch) / "examples.parquet")
            made.close()
        with progress.stage("start Spark"):
            spark = session.lake(settings.lake, "clearhold-tune", settings.paths.store)
        try:
            rows = spark.read.parquet(f"{scratch}/examples.parquet").cache()
            told = _Teller(settings, method, material.version(lake))
            tune.search(searched, method, trials, rows, book.model_inputs(), folds, progress, told.tell)
        finally:
            spark.stop()
    profile = tune.best(searched)
    if profile is None:
        raise UsageError("no trial came to its end: ask for more with TRIALS=")
    file = put_json(place / BEST, profile._asdict() | {"average_precision": searched.best_value, "method": method})
    values = ", ".join(f"{name} {value}" for name, value in searched.best_params.items())
    print(
        f"best of {len(tune.finished(searched))}: average precision {searched.best_value:.4f} with {values}\n\n  {file}",
        flush=True,
    )
    return profile


def tuned(place: Path) -> Profile:
    """The best profile that a search has left in a run's folder.

    Raises:
        UsageError: there has been no search.
    """
    file = place / FOLDER / BEST
    if not file.is_file():
        raise UsageError(f"{file} does not exist: search with `make tune` first")
    found: dict[str, Any] = json.loads(file.read_text())
    return Profile(**{name: found[name] for name in Profile._fields})


class _Teller:
    """Writes every trial into MLflow, below one run of the search, and on the screen."""

    def __init__(self, settings: Settings, method: Method, data_version: str) -> None:
        self._registry, self._parent = settings.registry, ""
        self._tags = {"method": method, "feature_set": book.feature_set(), "data_version": data_version}

    def tell(self, trial: Trialled) -> None:
        reached = "given up early" if trial.pruned else f"average precision {trial.average_precision or 0:.4f}"
        print(f"trial {trial.number}: {reached}, {trial.parameters}", flush=True)
        with registry.asking(self._registry, seconds=60, retries=3):
            mlflow.set_experiment(f"{self._registry.model}-tuning")
            with mlflow.start_run(run_id=self._parent or None, run_name=None if self._parent else "tuning") as parent:
                self._parent = parent.info.run_id
                mlflow.set_tags(self._tags)
                with mlflow.start_run(nested=True, run_name=f"trial {trial.number}"):
                    mlflow.log_params(trial.parameters)
                    mlflow.set_tag("pruned", str(trial.pruned))
                    if trial.average_precision is not None:
                        mlflow.log_metric("average_precision", trial.average_precision)
