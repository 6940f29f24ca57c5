"""Settings: from files, and over them from the environment, which only loading looks into."""

from pathlib import Path

import pytest

from pipelines import config
from pipelines.errors import ConfigurationError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "settings.yaml"
    found.write_text("hot: {master: 'local[4]', state_partitions: 3}\n")
    return found


def test_the_environment_is_over_the_files(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARHOLD_HOT__MASTER", "spark://there:7077")
    monkeypatch.setenv("CLEARHOLD_HOT__AWAIT_HISTORY", "true")
    monkeypatch.setenv("CLEARHOLD_DESK__PORT", "")
    found = config.load(file)
    assert (found.hot.master, found.hot.await_history, found.hot.state_partitions) == ("spark://there:7077", True, 3)
    assert found.desk.port == config.Desk().port
    assert config.Settings().hot.master == config.Hot().master


def test_what_is_written_down_reads_back(file: Path, tmp_path: Path) -> None:
    found = config.load(file)
    config.dump(found, tmp_path / "again.yaml")
    assert config.load(tmp_path / "again.yaml") == found


@pytest.mark.parametrize("text", ["hot: {no_such: 1}", "no_such: {}", "hot: {state_partitions: 0}", "hot: ["])
def test_what_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"setting|settings file"):
        config.load(tmp_path / "s.yaml")


def test_a_bad_variable_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARHOLD_HOT__STATE_PARTITIONS", "many")
    with pytest.raises(ConfigurationError, match=r"hot\.state_partitions"):
        config.load(file)


def test_the_settings_of_the_stack_in_containers_are_settings() -> None:
    assert config.load(Path("conf/cluster.yaml")).hot.master.startswith("spark://")
