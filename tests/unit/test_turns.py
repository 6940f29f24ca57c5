"""Two that should not do the same thing at once."""

import threading
from pathlib import Path

import pytest

from pipelines import registry
from pipelines.config import Paths, Settings
from pipelines.errors import Unavailable
from pipelines.flows import training
from pipelines.train import fit
from pipelines.turns import turn


def test_who_comes_second_is_told_and_waits(tmp_path: Path) -> None:
    told, inside = threading.Event(), threading.Event()

    def second() -> None:
        with turn(tmp_path / "table", told.set):
            inside.set()

    with turn(tmp_path / "table", pytest.fail):
        other = threading.Thread(target=second)
        other.start()
        assert told.wait(30)
        assert not inside.is_set()
    other.join(30)
    assert inside.is_set()


def test_two_trainings_in_a_run_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = threading.Event()

    def no_registry(_: object) -> None:
        begun.set()
        raise Unavailable("the registry does not answer")

    monkeypatch.setattr(training, "require_quality", lambda _: None)
    monkeypatch.setattr(training, "_require_material", lambda *_: None)
    monkeypatch.setattr(registry, "champion_version", no_registry)
    ends: list[BaseException] = []

    def train() -> None:
        try:
            training.run(Settings(paths=Paths(run=tmp_path)), training.Lesson(fit.QUICK, None), promote=False)
        except Unavailable as problem:
            ends.append(problem)

    with turn(tmp_path / "train"):
        second = threading.Thread(target=train)
        second.start()
        assert not begun.wait(1)
    second.join(30)
    assert begun.is_set() and ends
    assert "another training in this run has to end first" in capsys.readouterr().out
