"""The stack in containers: what is healthy, what is waited for, what secrets are like. Engines here are none."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.errors import EnvironmentProblem, Unavailable
from pipelines.local import containers
from pipelines.local.containers import Engine, Part, Stack
from pipelines.local.project import HERE, Project


def inspected(name: str, status: str, code: int = 0, health: str | None = None) -> dict[str, Any]:
    state = {"Running": status == "running", "Status": status, "ExitCode": code, "Health": {"Status": health}}
    ports = {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18080"}], "9/tcp": None}
    return {
        "Id": f"id-{name}",
        "State": state,
        "Config": {"Labels": {"com.docker.compose.service": name}},
        "NetworkSettings": {"Ports": ports if name == "desk" else {}},
    }


class Pretended(Stack):
    """A stack whose engine says what it is told to."""

    def _ask(self, *arguments: str) -> str:
        return {"ps": "a b", "inspect": json.dumps(SAID)}.get(arguments[0], "")


SAID: list[dict[str, Any]] = []


def parts(*said: dict[str, Any]) -> tuple[Stack, list[Part]]:
    SAID[:] = said
    stack = Pretended(Engine("docker", ("docker", "compose")), HERE, "x", {})
    return stack, stack.parts()


@pytest.mark.parametrize(
    ("said", "well"),
    [
        (inspected("a", "running", health="healthy"), True),
        (inspected("a", "running", health="starting"), False),
        (inspected("a", "running"), True),
        (inspected("a", "exited", 0), True),
        (inspected("a", "exited", 1), False),
        (inspected("a", "exited", 137, "healthy"), False),
        (inspected("a", "created"), False),
    ],
)
def test_who_is_well(said: dict[str, Any], well: bool) -> None:
    stack, (part,) = parts(said)
    assert stack.is_well(part) is well


def test_the_doors_are_where_the_engine_says() -> None:
    stack, _ = parts(inspected("desk", "running"), inspected("hot", "running"))
    assert [(part.name, part.port) for part in stack.parts()] == [("desk", "18080"), ("hot", None)]
    assert "http://127.0.0.1:18080" in containers._doors(stack) and "hot" not in containers._doors(stack)


def test_who_does_not_get_healthy_is_named() -> None:
    stack, _ = parts(inspected("fine", "running", health="healthy"), inspected("ill", "running", health="starting"))
    told: list[str] = []
    with pytest.raises(Unavailable, match="ill; see"):
        containers.await_health(stack, told.append, seconds=0)
    parts(inspected("fine", "running", health="healthy"))
    containers.await_health(stack, told.append, seconds=0)


def test_without_an_engine_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "_works", lambda command: False)
    with pytest.raises(EnvironmentProblem, match="no container engine") as refused:
        containers.engine(Project(tmp_path), {"PATH": str(tmp_path)})
    assert refused.value.exit_code == 78


def test_secrets_are_made_once(tmp_path: Path) -> None:
    containers.make_secrets(tmp_path / "s")
    first = {name: (tmp_path / "s" / name).read_text() for name in containers.SECRETS}
    containers.make_secrets(tmp_path / "s")
    assert first == {name: (tmp_path / "s" / name).read_text() for name in containers.SECRETS}
    assert len(set(first.values())) == len(first) and all(len(text) >= 32 for text in first.values())
    assert (tmp_path / "s").stat().st_mode & 0o077 == 0


def test_what_the_stack_promises() -> None:
    services = yaml.safe_load(Path("docker-compose.yml").read_text())["services"]
    for name, service in services.items():
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["mem_limit"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
        assert "healthcheck" in service or name in ("prepare", "grafana"), name
        assert not any("PASSWORD" in key for key in service.get("environment", {})), name
    profiles = {profile for service in services.values() for profile in service.get("profiles", [])}
    assert profiles == set(containers.PROFILES)


def test_an_image_has_all_that_set_up_imports_before_it_runs_it(tmp_path: Path) -> None:
    text = (HERE.root / "docker" / "Dockerfile").read_text().replace("\\\n", " ")
    (stage,) = re.findall(r" AS hot-environment\n(.+?)\nFROM ", text, re.DOTALL)
    for line in re.findall(r"^COPY (.+)$", stage, re.MULTILINE):
        *found, place = line.split()
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        for each in found:
            subprocess.run(["cp", "-r", str(HERE.root / each), str(tmp_path / place)], check=True)
    command = [sys.executable, "-m", "pipelines.local.setup", "--help"]
    done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False)
    assert "--archives" in done.stdout, done.stderr
