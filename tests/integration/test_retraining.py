"""Retraining as a process: killed at every stage, excluded, kept waiting, refused. What the stages do is tested elsewhere."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest
from deltalake import write_deltalake
from mlflow import MlflowClient

from pipelines import config, registry, status
from pipelines.catalog import RECORDS_TABLE, TRANSACTIONS_TABLE
from pipelines.check import results, suites
from pipelines.check.batches import EPOCH, Stretch
from pipelines.check.results import Outcome, Report
from pipelines.config import Paths, Registry, Settings
from pipelines.errors import EnvironmentProblem, Unavailable, UsageError
from pipelines.flows import retraining
from pipelines.local.project import HERE
from pipelines.promote import rounds
from tests.stage import CODES, DID

SECONDS = 60.0


@pytest.fixture(scope="module")
def registry_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An empty registry."""
    return f"sqlite:///{tmp_path_factory.mktemp('registry')}/mlflow.sqlite"


@pytest.fixture
def settings(registry_uri: str, tmp_path: Path) -> Settings:
    run = tmp_path / "run"
    run.mkdir()
    MlflowClient(registry_uri, registry_uri).create_registered_model(tmp_path.name)
    write_deltalake(run / "lake" / RECORDS_TABLE.name, pa.table({"topic": ["transactions"]}))
    (run / CODES).write_text("{}")
    found = Settings(registry=Registry(uri=registry_uri, model=tmp_path.name), paths=Paths(run=run))
    config.dump(found, run / "settings.yaml")
    return found


@pytest.fixture
def start(settings: Settings) -> Iterator[Callable[[float], "subprocess.Popen[str]"]]:
    """Starts it, with seconds between rounds, 0 for one round."""
    started: list[subprocess.Popen[str]] = []

    def begin(every: float) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.retraining", str(settings.paths.run), str(every)]
        started.append(subprocess.Popen(command, cwd=HERE.root, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield begin
    for one in started:
        one.kill()
        one.wait()


def wait(until: Callable[[], Any]) -> None:
    deadline = time.monotonic() + SECONDS
    while not until():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.05)


def done(settings: Settings) -> list[str]:
    file = settings.paths.run / DID
    return file.read_text().splitlines() if file.exists() else []


def last(settings: Settings) -> rounds.Round:
    return rounds.read(settings.paths.run / retraining.NAME)[-1]


def said(settings: Settings) -> dict[str, Any]:
    return status.look(settings.paths.status / f"{retraining.NAME}.json")


def let(settings: Settings, codes: dict[str, list[int]]) -> None:
    """Let stages end with exit codes."""
    (settings.paths.run / CODES).write_text(json.dumps(codes))


def hold(settings: Settings, stage: str) -> Path:
    """A file that keeps a stage from ending while it is there."""
    file = settings.paths.run / f"hold-{stage}"
    file.touch()
    return file


def stages_alive(settings: Settings) -> list[int]:
    run = str(settings.paths.run)
    return [
        one.pid
        for one in psutil.process_iter(["cmdline"])
        if {"tests.stage", run} <= set(one.info["cmdline"] or []) and one.status() != psutil.STATUS_ZOMBIE
    ]


def test_killed_anywhere_it_goes_on_and_does_nothing_twice_that_was_done(settings: Settings, start: Any) -> None:
    for stage in rounds.STAGES:
        file = hold(settings, stage)
        killed = start(0)
        wait(lambda stage=stage: done(settings) and done(settings)[-1].startswith(stage))
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        wait(lambda: not stages_alive(settings))  # nobody goes on training behind its back
        assert last(settings).stage == stage
        file.unlink()
    for _ in range(2):
        assert start(0).wait(SECONDS) == 0
        assert done(settings) == ["train None", "train None", "shadow 1", "shadow 1", "gate 1", "gate 1"]
        assert (last(settings).outcome, last(settings).version) == ("promoted", "1")
        assert registry.champion_version(settings.registry) == "1"
        # as if it had been killed between the promotion and its own record of it
        rounds.keep(settings.paths.run / retraining.NAME, [last(settings)._replace(outcome=None, ended=None)])


def test_one_at_a_time_goes_on_after_failure_and_refusal_and_explains_them(settings: Settings, start: Any) -> None:
    let(settings, {rounds.TRAIN: [2, 0], rounds.GATE: [1, 0]})
    file = hold(settings, rounds.TRAIN)
    first = start(1)
    wait(lambda: done(settings))
    second = start(0)
    assert second.wait(SECONDS) == EnvironmentProblem.exit_code
    assert f"active in {settings.paths.run / retraining.NAME} (process {first.pid})" in second.stderr.read()
    file.unlink()
    wait(lambda: registry.champion_version(settings.registry))
    first.terminate()
    assert first.wait(SECONDS) == 0
    assert said(settings)["state"] == "stopped"
    failed, refused, promoted, *_ = rounds.read(settings.paths.run / retraining.NAME)
    assert (failed.outcome, failed.why) == ("failed", "train says no")
    assert (refused.outcome, refused.version) == ("refused", "1")
    assert refused.why == f"money saved: no better; {settings.paths.run / 'gate' / '1' / 'report.md'}"
    assert promoted.version == registry.champion_version(settings.registry) == "2"


def test_on_a_schedule_it_may_start_before_anything_has_landed(settings: Settings) -> None:
    shutil.rmtree(settings.paths.lake)
    job = [sys.executable, "-m", "jobs.retrain_model", "--run", str(settings.paths.run)]
    with subprocess.Popen([*job, "--every", "24h"], cwd=HERE.root, stdout=subprocess.DEVNULL) as running:
        wait(lambda: running.poll() is not None or said(settings).get("state") == "waiting")
        running.terminate()
    assert (running.returncode, said(settings)["state"]) == (0, "stopped")
    now = subprocess.run(job, cwd=HERE.root, capture_output=True, text=True, check=False)
    assert (now.returncode, "no run has landed anything" in now.stderr) == (UsageError.exit_code, True)


def test_it_waits_for_lake_quality_and_services_and_says_so(settings: Settings, start: Any) -> None:
    let(settings, {rounds.SHADOW: [Unavailable.exit_code, 0], rounds.GATE: [1]})
    log = settings.paths.lake / RECORDS_TABLE.name / "_delta_log"
    log.rename(log.with_name("away"))
    running = start(0)
    wait(lambda: "no run has landed anything" in said(settings).get("message", ""))
    assert said(settings)["state"] == "waiting"
    suite = next(one for one in suites.SUITES if one.table == TRANSACTIONS_TABLE)
    report = Report(suite, 1, Stretch(10, None, EPOCH, False), (Outcome(suite.checks[0], False, 0.5),))
    results.append(settings.paths.lake, [report])
    log.with_name("away").rename(log)
    wait(lambda: "critical quality suites fail" in said(settings)["message"])
    assert not done(settings)
    results.append(settings.paths.lake, [report._replace(outcomes=(Outcome(suite.checks[0], True, 0.0),))])
    assert running.wait(SECONDS) == 1
    assert "refused: money saved: no better" in running.stderr.read()
    assert done(settings) == ["train None", "shadow 1", "shadow 1", "gate 1"]
