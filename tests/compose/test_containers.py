"""The whole stack in containers, for real: healthy, each container killed in turn under load, down and up again.

`make test-compose`. Needs a container engine, and says so where there is none. The load is the simulated bank's,
RATE payments a second (100).
"""

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote

import pytest
import yaml

from pipelines.errors import EnvironmentProblem
from pipelines.flows.bench_desk import somebody, token
from pipelines.local import containers, ports
from pipelines.local.containers import Stack
from pipelines.local.project import HERE
from tests.submitted import JOBS, Job
from tests.waiting import SECONDS, balanced, say, until

NAME: Final = "clearhold-test"
PROFILES: Final = containers.PROFILES
LEFT_OUT: Final = "grafana"
"""Its image comes from a registry and is nobody's here; its dashboard is asked of Prometheus."""
BUILT: Final = ("postgres", "kafka", "hot-master", "prometheus", "notebooks")
"""A service of each image."""
PORTS: Final = ("DESK_PORT", "KAFKA_PORT", "REGISTRY_PORT", "PROMETHEUS_PORT", "NOTEBOOKS_PORT")
ROUND_SECONDS: Final = 3_600.0
"""A training, a shadow and the gate, beside the load and everything else."""
TOO_EARLY: Final = 2
"""What a lake job ends with where its past has not landed yet."""
PROMOTE: Final = """
import sys
from pathlib import Path
from pipelines import config, registry
registry.promote(config.load(Path("/data/run/settings.yaml")).registry, sys.argv[1])
"""

pytestmark = pytest.mark.timeout(7_200)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    free = map(str, ports.choose([0] * len(PORTS)))
    environ = {"RATE": "100", "AWAIT_HISTORY": "true"} | os.environ | dict(zip(PORTS, free, strict=True))
    try:
        engine = containers.engine(HERE, environ)
    except EnvironmentProblem as problem:
        pytest.skip(str(problem))
    found = Stack(engine, HERE, NAME, environ)
    found.compose("down", "--volumes")
    try:
        containers.make_secrets(HERE.root / "run" / "secrets")
        found.compose("build", *BUILT, profiles=PROFILES)
        yield found
    finally:
        found.compose("down", "--volumes")


def start(stack: Stack) -> float:
    services = [name for name in declared() if name != LEFT_OUT]
    began = time.monotonic()
    stack.compose("up", "-d", *services, profiles=PROFILES)
    containers.await_health(stack, say, SECONDS)
    return time.monotonic() - began


def declared() -> list[str]:
    return list(yaml.safe_load((HERE.root / "docker-compose.yml").read_text())["services"])


def ask(stack: Stack, *arguments: str) -> str:
    done = subprocess.run(
        [stack.engine.program, *arguments], capture_output=True, text=True, check=False, env=dict(stack.environ)
    )
    assert not done.returncode, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def run_in(stack: Stack, part: str, *command: str) -> str:
    return ask(stack, "exec", str(stack.container(part)), *command)


def status(stack: Stack, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run_in(stack, "desk", "cat", f"/data/run/status/{name}.json"))
    return found


def books(stack: Stack) -> dict[str, Any]:
    """The bank stops; what it had acknowledged is counted in the lake once it has landed."""
    bank = str(stack.container("bank"))
    ask(stack, "stop", "--time", "60", bank)
    found = balanced(lambda command: run_in(stack, "landing", "bash", "-c", command))
    ask(stack, "start", bank)
    return found


def asked(stack: Stack, expression: str) -> list[Any]:
    port = stack.environ["PROMETHEUS_PORT"]
    address = f"http://127.0.0.1:{port}/api/v1/query?query={quote(expression)}"
    with urllib.request.urlopen(address) as answer:
        found = json.loads(answer.read())
    assert found["status"] == "success", found
    return list(found["data"]["result"])


def test_it_gets_healthy_and_decides(stack: Stack) -> None:
    seconds = start(stack)
    say(f"healthy after {seconds:.0f} s")
    until(lambda: status(stack, "bank").get("acknowledged", 0) > 1_000, "the bank does not send")
    assert status(stack, "hot")["state"] == "open"


def test_prometheus_asks_the_desk_and_has_every_rule(stack: Stack) -> None:
    until(lambda: bool(asked(stack, 'up{job="clearhold"} == 1')), "Prometheus does not reach the desk")
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.environ['PROMETHEUS_PORT']}/api/v1/rules") as answer:
        groups = json.loads(answer.read())["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) >= 8 and all(rule["health"] in ("ok", "unknown") for rule in rules), rules
    board = json.loads((HERE.root / "docker" / "grafana" / "dashboards" / "clearhold.json").read_text())
    for expression in (target["expr"] for panel in board["panels"] for target in panel["targets"]):
        found = asked(stack, expression)
        assert found or "watch" in expression, f"nothing to see of {expression}"  # the watch looks once an hour


def test_the_notebooks_come_to_their_ends_in_their_container(stack: Stack) -> None:
    landed = "find /data/run/lake/records -name '*.parquet' 2>/dev/null || true"
    until(lambda: bool(run_in(stack, "desk", "bash", "-c", landed)), "nothing has landed")
    for book in sorted((HERE.root / "notebooks").glob("*.ipynb")):
        began = time.monotonic()
        place = f"/data/notebooks/{book.name}"
        run_in(stack, "notebooks", ".venv/bin/jupyter", "execute", "--timeout=900", place)
        say(f"{book.stem} executed in {time.monotonic() - began:.0f} s")


def test_a_kill_of_each_container_loses_nothing(stack: Stack) -> None:
    for name in [part.name for part in stack.parts() if not part.done]:
        part = next(each for each in stack.parts() if each.name == name)
        pid = json.loads(ask(stack, "inspect", part.container))[0]["State"]["Pid"]
        os.kill(int(pid), 9)
        time.sleep(2)
        revive(stack)
        containers.await_health(stack, lambda line: None, SECONDS)
        again = until(more(stack, 200), f"no decisions after {name}")
        say(f"{name} killed: healthy and deciding again after {again:.0f} s more")
    found = books(stack)
    assert found["difference"] == 0, found


@pytest.mark.parametrize("job", JOBS, ids=[job.name for job in JOBS])
def test_a_lake_job_is_submitted_to_the_standalone_cluster(stack: Stack, job: Job) -> None:
    submit = (".venv/bin/spark-submit", "--master=spark://lake-master:7077", "--properties-file=conf/spark-lake.conf")
    place = ("--env=PYTHONPATH=/opt/clearhold", str(stack.container("desk")))
    command = [stack.engine.program, "exec", *place, *submit, job.file, *job.arguments]

    def submitted() -> subprocess.CompletedProcess[str]:
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(stack.environ))
        say(f"{job.name} ended with exit code {done.returncode} after {time.monotonic() - began:.0f} s")
        return done

    done, began = submitted(), time.monotonic()
    while done.returncode == TOO_EARLY and time.monotonic() - began < SECONDS:
        time.sleep(20)
        done = submitted()
    assert done.returncode in job.codes, done.stdout[-3000:] + done.stderr[-3000:]


def test_a_round_of_retraining_is_judged_and_the_desk_swaps_models(stack: Stack) -> None:
    first = status(stack, "hot")["model_version"]
    rounds: list[dict[str, Any]] = []

    def judged() -> bool:
        rounds[:] = json.loads(run_in(stack, "desk", "cat", "/data/run/retrain/rounds.json"))
        return rounds[0]["outcome"] is not None

    took = until(judged, f"no verdict on {rounds}", ROUND_SECONDS)
    say(f"{rounds[0]['id']}: {rounds[0]['outcome']} after {took:.0f} s more: {rounds[0]['why']}")
    assert rounds[0]["outcome"] in ("refused", "promoted"), rounds
    version = rounds[0]["version"]
    address = f"http://127.0.0.1:{stack.environ['DESK_PORT']}"
    browser = somebody(address, run_in(stack, "desk", "cat", "/data/run/desk/first-password").split()[-1])

    def press(path: str) -> None:
        browser.post(f"{address}{path}", {"csrf": token(browser, f"{address}/models")}).raise_for_status()
        until(lambda: "under way" not in browser.get(f"{address}/models").text, f"{path} does not end")

    if rounds[0]["outcome"] == "refused":
        verdict = f"/data/run/gate/{version}/verdict.json"
        before = json.loads(run_in(stack, "desk", "cat", verdict))["at"]
        press(f"/models/{version}/promote")
        found = json.loads(run_in(stack, "desk", "cat", verdict))
        say(f"the desk let the gate judge version {version}: passed is {found['passed']}")
        assert found["at"] > before, "the gate did not judge it again"
        if not found["passed"]:  # what the gate does with one that passes
            run_in(stack, "landing", ".venv/bin/python", "-c", PROMOTE, version)
    taken = until(lambda: status(stack, "hot")["model_version"] == version, "the stream does not take it")
    say(f"the stream decides by version {version} after {taken:.0f} s")
    press("/models/rollback")
    taken = until(lambda: status(stack, "hot")["model_version"] == first, "the stream does not go back")
    say(f"the stream decides by version {first} again, {taken:.0f} s after the desk rolled back")


def revive(stack: Stack) -> None:
    """podman without systemd starts nothing again by itself when its own monitor was in the way."""
    for part in stack.parts():
        if not part.running and not part.done:
            ask(stack, "start", part.container)


def more(stack: Stack, decisions: int) -> Callable[[], bool]:
    """Whether the bank has seen so many more decisions than now."""

    def seen() -> int:
        return int(status(stack, "bank").get("decisions_seen", 0))

    before = seen()
    return lambda: seen() > before + decisions


def test_it_comes_back_from_down_and_up_with_its_state(stack: Stack) -> None:
    before = status(stack, "hot")
    stack.compose("down")
    assert not stack.parts()
    seconds = start(stack)
    say(f"up again and healthy after {seconds:.0f} s")
    until(lambda: status(stack, "hot")["state"] == "open", "hot does not open")
    assert status(stack, "hot")["model_version"] == before["model_version"]
    until(more(stack, 500), "it does not go on")
    assert books(stack)["difference"] == 0
