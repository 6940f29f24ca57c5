import json
from pathlib import Path

import pytest

from pipelines.errors import ModelRejected
from pipelines.manifest import MANIFEST, seal, verify


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "sparkml").mkdir()
    (tmp_path / "sparkml" / "part-0").write_text("trees")
    (tmp_path / "serving.json").write_text("{}")
    return tmp_path


def test_an_untouched_model_passes(model: Path) -> None:
    verify(model, seal(model))


@pytest.mark.parametrize("harm", ["change", "remove", "add", "forge"])
def test_a_touched_model_is_rejected(model: Path, harm: str) -> None:
    sealed = seal(model)
    if harm == "change":
        (model / "sparkml" / "part-0").write_text("other trees")
    elif harm == "remove":
        (model / "serving.json").unlink()
    elif harm == "add":
        (model / "sparkml" / ".hidden").write_text("")
    else:
        (model / "serving.json").write_text('{"calibration": "1D"}')
        seal(model)
    with pytest.raises(ModelRejected):
        verify(model, sealed)


@pytest.mark.parametrize("content", [None, "", "[]", json.dumps({"serving.json": 1})])
def test_a_manifest_that_says_nothing_is_rejected(model: Path, content: str | None) -> None:
    if content is not None:
        (model / MANIFEST).write_text(content)
    with pytest.raises(ModelRejected):
        verify(model)
