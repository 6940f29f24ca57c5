"""The watch goes on when a look fails, and says so."""

import json
from pathlib import Path

import pytest

from pipelines import config
from pipelines.config import Settings
from pipelines.flows import model_watch


def test_a_look_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings().model_copy(update={"paths": Settings().paths.model_copy(update={"run": tmp_path})})
    config.dump(settings, tmp_path / "settings.yaml")
    monkeypatch.setattr(model_watch, "POLL_SECONDS", 0.01)
    said = settings.paths.status / "watch.json"
    told: list[str] = []

    def stopping() -> bool:
        if said.exists():
            told.append(json.loads(said.read_text())["message"])
        return len({*told}) > 1

    model_watch.follow(settings, 0.2, stopping)
    assert told[0] == "nothing was looked at yet"
    assert told[-1] == "the last look failed, exit code 2: its log says why"
