"""What a replay copies, asks for and refuses, without any process."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.errors import UsageError
from pipelines.flows import replay, traffic
from pipelines.flows.opening import Opening, Replay
from pipelines.local import lending


def a_registry(folder: Path, alias: str = "champion", version: int = 2) -> Path:
    """The tables of MLflow's that are looked at."""
    (folder / "artifacts" / "1").mkdir(parents=True)
    (folder / "artifacts" / "1" / "model").write_text("trees")
    with sqlite3.connect(folder / "mlflow.db") as store:
        store.executescript(f"""
            create table registered_model_aliases (alias, version, name);
            create table model_versions (name, version, run_id);
            create table tags (key, value, run_uuid);
            insert into registered_model_aliases values ('{alias}', {version}, 'clearhold');
            insert into model_versions values ('clearhold', 1, 'old'), ('clearhold', 2, 'new'), ('other', 2, 'old');
            insert into tags values ('feature_set', 'aaa', 'old'), ('feature_set', 'bbb', 'new'), ('x', 'y', 'new');
        """)
    return folder


def test_the_champion_of_another_run_is_known_by_its_features(tmp_path: Path) -> None:
    assert lending.champion_features(a_registry(tmp_path / "a"), "clearhold") == "bbb"
    assert lending.champion_features(a_registry(tmp_path / "first", version=1), "clearhold") == "aaa"
    assert lending.champion_features(tmp_path / "a", "other") is None
    assert lending.champion_features(a_registry(tmp_path / "b", "challenger"), "clearhold") is None
    assert lending.champion_features(tmp_path / "none", "clearhold") is None
    (tmp_path / "mlflow.db").write_text("not a database")
    assert lending.champion_features(tmp_path, "clearhold") is None


def test_a_registry_is_copied_while_somebody_writes_to_it(tmp_path: Path) -> None:
    folder = a_registry(tmp_path / "it's mine")
    writer = sqlite3.connect(folder / "mlflow.db")
    writer.execute("insert into model_versions values ('clearhold', 3, 'unfinished')")
    lending.lend(folder, tmp_path / "copy")
    writer.close()
    assert lending.champion_features(tmp_path / "copy", "clearhold") == "bbb"
    assert sqlite3.connect(tmp_path / "copy" / "mlflow.db").execute(
        "select count(*) from model_versions"
    ).fetchone() == (3,)
    assert (tmp_path / "copy" / "artifacts" / "1" / "model").read_text() == "trees"


def asked(**changed: Any) -> Replay:
    return Replay(Path("x.parquet"), Path("/m.yaml"), Path("run/demo"))._replace(**changed)


def test_the_player_is_told_what_and_how_long() -> None:
    since = datetime(2018, 5, 1, tzinfo=UTC)
    told = replay.arguments(asked(rate=300.0, seconds=120.0), Opening("own", None, since))
    assert told == (
        *("--data", str(Path.cwd() / "x.parquet"), "--mapping", "/m.yaml"),
        *("--rate", "300.0", "--label-delay-days", "7", "--since", "2018-05-01T00:00:00", "--count", "36000"),
    )
    assert "--count" not in replay.arguments(asked(), Opening("lent"))
    assert "--since" not in replay.arguments(asked(), Opening("lent"))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rate": 0.0}, "must be above 0"),
        ({"seconds": -1.0}, "must be above 0"),
        ({"history_payments": 0}, "a history needs payments"),
        ({"lender": Path("run/replay")}, "is cleared by this run"),
    ],
)
def test_impossible_wishes_are_refused_before_anything_is_removed(changed: dict[str, Any], said: str) -> None:
    replay.check(asked(), Path("run/replay"))
    with pytest.raises(UsageError, match=said):
        replay.check(asked(**changed), Path("run/replay"))


class Patient:
    """A supervisor whose time passes as told: each wait makes a step."""

    def __init__(self, step: Callable[[], None]) -> None:
        self.asked, self.waits, self._step = 0, 0, step

    def linger(self, until: Callable[[], bool], seconds: float) -> bool:
        self.waits += 1
        self._step()
        return until()


def test_waiting_goes_on_as_long_as_something_moves() -> None:
    place = SimpleNamespace(at=0)

    def step() -> None:
        place.at = min(place.at + 1, 3)

    reached: Callable[[], int] = lambda: place.at  # noqa: E731
    slow: Any = Patient(step)
    assert traffic.settle(slow, lambda: place.at == 3, reached)
    assert slow.waits == 3
    stuck: Any = Patient(step)
    assert not traffic.settle(stuck, lambda: False, reached)
    assert stuck.waits == 1


def test_somebody_who_wants_to_stop_does_not_wait() -> None:
    hurried: Any = Patient(lambda: setattr(hurried, "asked", 1))
    reached = iter(range(9))
    assert not traffic.settle(hurried, lambda: False, lambda: next(reached))
    assert hurried.waits == 1
