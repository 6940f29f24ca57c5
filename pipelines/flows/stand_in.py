"""A model for when there is nothing to learn from: trained once on a simulated bank, kept for the next time.

Its twin is a second version of the same files, so that a change of models can be tried without waiting for another training.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pipelines import registry
from pipelines.config import Registry
from pipelines.features import book
from pipelines.local import lending
from pipelines.local.screen import Screen
from pipelines.local.stack import Stack
from pipelines.simulate.bank import Bank
from pipelines.simulate.history import write_history

DAYS: Final = 40
CARDS: Final = 1_000
SEED: Final = 7
BEGIN: Final = datetime(2025, 1, 1, tzinfo=UTC)
"""Nothing depends on today: the same model everywhere."""
TRAINING_SECONDS: Final = 1_200.0


def begin(running: Stack) -> None:
    """Start the registry, with the kept model if there is one for these features. It takes a while to answer."""
    kept = _kept(running)
    if lending.champion_features(kept, running.settings.registry.model) == book.feature_set():
        lending.lend(kept, running.settings.paths.run / "registry")
    running.start_registry()


def provide(running: Stack, screen: Screen) -> None:
    """Wait for the registry, and train the model if it holds none.

    Raises:
        StopAsked: somebody stopped it.
        ClearholdError: there is no model in time.
    """
    settings = running.settings.registry
    running.await_registry()
    champion = registry.champion_version(settings)
    if champion is not None and _fits(running, champion):
        return
    screen.say(f"a model is being trained on {DAYS} days of a simulated bank; it is kept for the next time")
    history = running.settings.paths.run / "history"
    write_history(Bank(SEED, CARDS, 2.0, BEGIN), DAYS, history)
    running.start_job("train", "jobs.train_model", "--history", str(history), "--promote", once=True)
    running.wait(lambda: running.processes.is_done("train"), TRAINING_SECONDS, "there is no model", ("train",))
    _twin(settings)
    _keep(running.settings.paths.run / "registry", _kept(running))


def other_version(settings: Registry) -> str:
    """The version that does not serve now, of the model and its twin."""
    serving = registry.champion_version(settings)
    with registry.asking(settings) as client:
        versions = {str(found.version) for found in client.search_model_versions(f"name = '{settings.model}'")}
    return max(versions - {serving}, key=int)


def _fits(running: Stack, version: str) -> bool:
    """Whether the stream would take a model: one that was kept by an earlier version of this project may expect other inputs."""
    settings = running.settings
    model = registry.fetch(settings.registry, version, settings.paths.models)
    return bool(registry.serving(model)["inputs"] == book.model_inputs())


def _twin(settings: Registry) -> None:
    with registry.asking(settings) as client:
        first = client.get_model_version_by_alias(settings.model, registry.CHAMPION)
        client.create_model_version(settings.model, str(first.source), first.run_id, tags=first.tags)


def _keep(folder: Path, kept: Path) -> None:
    draft = kept.with_suffix(".new")
    for old in (draft, kept):
        shutil.rmtree(old, ignore_errors=True)
    lending.lend(folder, draft)
    draft.rename(kept)


def _kept(running: Stack) -> Path:
    return running.project.root / "run" / "bench-model"
