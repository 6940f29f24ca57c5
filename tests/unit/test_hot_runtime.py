"""A job on the hot runtime says that it is still at it, and why it failed."""

from pathlib import Path

import pytest

from pipelines.errors import EnvironmentProblem
from pipelines.flows import hot_runtime
from pipelines.local.project import Project


def project(root: Path, script: str) -> Project:
    """A project whose hot runtime is a script."""
    python = Project(root).hot.python
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    return Project(root)


def test_it_gets_its_options_and_says_that_it_is_still_at_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot_runtime, "QUIET_SECONDS", 0.05)
    ticks: list[float] = []
    script = 'echo "$@" > given; while [ ! -e enough ]; do sleep 0.02; done'

    def tick(seconds: float) -> None:
        ticks.append(seconds)
        if len(ticks) == 3:
            (tmp_path / "enough").touch()

    hot_runtime.run(project(tmp_path, script), "jobs.some", {"--a": 1, "--b": Path("x y")}, "it failed", tick)
    assert (tmp_path / "given").read_text() == "-m jobs.some --a 1 --b x y\n"
    assert ticks == sorted(ticks)


@pytest.mark.parametrize(
    ("script", "said"),
    [("echo noise >&2; echo clearhold: no Java >&2; exit 78", "it failed: clearhold: no Java"), ("exit 3", "code 3")],
)
def test_its_last_line_says_why_it_failed(tmp_path: Path, script: str, said: str) -> None:
    with pytest.raises(EnvironmentProblem, match=said):
        hot_runtime.run(project(tmp_path, script), "jobs.some", {}, "it failed")
