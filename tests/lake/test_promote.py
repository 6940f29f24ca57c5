"""The gate from files to the registry: who is compared on which days, what is refused, and the way back."""

import json
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from pyspark.sql import SparkSession

from pipelines import registry
from pipelines.config import Gate, Paths, Registry, Settings
from pipelines.errors import Refused, UsageError
from pipelines.flows import backfill, promoting, training
from pipelines.local.project import HERE
from pipelines.local.screen import Screen
from pipelines.promote.gate import Shadow
from pipelines.train import cost, fit
from pipelines.train.progress import Progress
from tests.past import history, landed_lake

pytestmark = pytest.mark.filterwarnings("ignore:.*AnyType:UserWarning")  # MLflow about its own type hints

GOOD = fit.Profile("good", trees=8, step=0.3, depth=3, bins=32)
BLIND = fit.Profile("blind", trees=1, step=0.1, depth=0, bins=32)
QUIET = Shadow(500, 0, 0.0, 0.0)


@pytest.fixture(scope="module")
def settings(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A run with a lake, in whose registry version 1 knows nothing and version 2 has learned."""
    place = tmp_path_factory.mktemp("promote")
    past = history(place / "past", rows=3200)
    run = place / "run"
    landed_lake(spark, past, run / "lake", {})
    found = Settings(
        registry=Registry(uri=f"sqlite:///{place}/mlflow.sqlite", model="gated"),
        gate=Gate(frauds=5, score_us=1e6, calibration_error=5),
        paths=Paths(run=run, policy=HERE.root / "conf/policy.yaml"),
    )
    backfill.write(spark, past, past / "features", training.FOREVER)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)  # a registry without a server keeps artifacts below the folder it is called in
        for profile in (BLIND, GOOD):
            lesson = training.Lesson(profile, past, 7, resamples=0)
            training.train(spark, found, lesson, past / "features", Progress())
        yield found


@pytest.fixture
def judge(spark: SparkSession, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The gate in this session, with a shadow run that went well unless another one is given."""
    monkeypatch.setattr(promoting.session, "lake", lambda *_: spark)
    monkeypatch.setattr(type(spark), "stop", lambda _: None)
    monkeypatch.setattr(promoting, "DRAWS", 60)
    monkeypatch.setattr(cost, "ROWS", 5_000)

    def run(version: str | None = None, shadow: Shadow | None = QUIET, dry: bool = False) -> None:
        monkeypatch.setattr(promoting, "_shadow", lambda *_: shadow)
        promoting.run(settings, version, Screen(tmp_path / "gate.log"), dry)

    return run


def tags(settings: Settings, version: str) -> dict[str, str]:
    return dict(MlflowClient(settings.registry.uri).get_model_version("gated", version).tags)


def test_without_a_shadow_run_nothing_is_promoted(judge: Any, settings: Settings) -> None:
    with pytest.raises(Refused, match="version 2 may not serve: shadow run: none, 200 wanted"):
        judge(shadow=None)
    assert registry.champion_version(settings.registry) is None
    assert tags(settings, "2")["gate"] == "refused"
    report = (settings.paths.run / "gate" / "2" / "report.md").read_text()
    assert "IS REFUSED" in report
    assert (settings.paths.run / "gate" / "2" / "comparison.png").stat().st_size > 1000


def test_what_knows_nothing_is_refused_with_reasons(judge: Any, settings: Settings) -> None:
    with pytest.raises(Refused, match="average precision: better by"):
        judge("1")
    verdict = json.loads((settings.paths.run / "gate" / "1" / "verdict.json").read_text())
    assert not verdict["passed"]
    assert {check["name"] for check in verdict["checks"] if not check["passed"]} >= {"money saved", "average precision"}


def test_what_is_better_serves_and_the_way_back_is_one_step(judge: Any, settings: Settings) -> None:
    registry.promote(settings.registry, "1")
    judge("2", dry=True)
    assert registry.champion_version(settings.registry) == "1"
    judge("2")
    assert registry.champion_version(settings.registry) == "2"
    assert tags(settings, "2")["gate"] == "passed"
    verdict = json.loads((settings.paths.run / "gate" / "2" / "verdict.json").read_text())
    assert (verdict["challenger"], verdict["champion"]) == ("2", "1")
    assert verdict["figures"]["average_precision"]["low"] > 0
    with pytest.raises(UsageError, match="version 2 of gated serves already"):
        judge("2")
    assert registry.rollback(settings.registry) == "1"
    with pytest.raises(Refused):  # it cannot be better than itself
        registry.promote(settings.registry, "2")
        judge("1")


def test_a_version_that_was_refused_is_not_asked_about_again(judge: Any, settings: Settings) -> None:
    registry.promote(settings.registry, "2")
    registry.tag(settings.registry, "1", {registry.GATE: registry.REFUSED})
    assert registry.challenger_version(settings.registry) is None
    with pytest.raises(UsageError, match="no version but the champion"):
        judge()


def test_models_are_compared_on_days_that_both_could_not_know(
    spark: SparkSession, settings: Settings, tmp_path: Path
) -> None:
    files = registry.fetch(settings.registry, "2", settings.paths.models)
    contender = promoting._loaded("2", files)
    rows, split = promoting._later_days(spark, settings, contender, None, tmp_path / "rows.parquet")
    learned_until = promoting.epoch(f"{contender.serving['trained_until']}T00:00:00+00:00")
    assert split.test_from == learned_until + 7 * promoting.DAY
    assert rows.where(f"event_ms < {split.test_from} or event_ms >= {split.test_until}").count() == 0
    late = contender._replace(serving=contender.serving | {"trained_until": "2024-05-01"})
    with pytest.raises(UsageError, match="no later day to compare them on yet"):
        promoting._later_days(spark, settings, late, contender, tmp_path / "none.parquet")
