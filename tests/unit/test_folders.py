"""Folders on a disk and in an object store: the same words do the same."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import config, folders, reading
from pipelines.catalog import QUALITY_TABLE, TRANSACTIONS, WATCH_TABLE
from pipelines.config import Paths, Settings
from pipelines.enrich import place
from pipelines.errors import ConfigurationError, EnvironmentProblem
from pipelines.folders import Folder
from pipelines.land import resume
from pipelines.leadership import FILE
from pipelines.local import landed, stack
from pipelines.local.java import Java
from pipelines.rows import append
from pipelines.schemas import names
from pipelines.turns import turn
from tests.object_store import bucket


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    with bucket() as url:
        yield url


@pytest.fixture(params=["disk", "store"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    """An empty folder."""
    if request.param == "disk":
        return tmp_path
    url = request.getfixturevalue("store")
    return folders.in_store(f"{url}/{tmp_path.name}", tmp_path / "locks")


def test_what_is_put_is_read_listed_copied_moved_and_removed(folder: Folder) -> None:
    assert folders.entries(folder / "a") == []
    for name in ("b/2.json", "b/c/3.json", "1.json"):
        folders.put(folder / "a" / name, name)
    assert [entry.name for entry in folders.entries(folder / "a")] == ["1.json", "b"]
    folders.copy(folder / "a", folder / "twice")
    assert (folder / "twice" / "b" / "c" / "3.json").read_text() == "b/c/3.json"
    folders.move(folder / "a", folder / "moved")
    assert not (folder / "a").exists()
    files = [entry.name for entry in folders.entries(folder / "moved", "**/*") if entry.is_file()]
    assert files == ["1.json", "2.json", "3.json"]
    for name in ("moved", "moved"):
        folders.remove(folder / name)
        assert not (folder / name).exists()


def test_a_file_that_is_written_anew_all_the_time_can_be_read(folder: Folder) -> None:
    file, stopping = folder / "place.json", threading.Event()
    folders.put(file, "0" * 1000)

    def write() -> None:
        while not stopping.is_set():
            for digit in "12":
                folders.put(file, digit * 1000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert all(len(set(folders.text(file))) == 1 for _ in range(100))
    finally:
        stopping.set()
        writer.join()


def test_locks_are_on_a_disk(folder: Folder, tmp_path: Path) -> None:
    with turn(folder / "lake" / "records"):
        pass
    (lock,) = tmp_path.rglob(".records.lock")
    assert lock == folders.lock(folder / "lake", ".records.lock")
    assert folders.lock(folder / "checkpoints", FILE) != folders.lock(folder, FILE)


def test_each_folder_in_a_store_has_the_locks_of_its_own_run(store: str, tmp_path: Path) -> None:
    for name in ("run", "run2", "run/beside"):
        lake = folders.in_store(f"{store}/{name}", tmp_path / name.replace("/", "-")) / "lake"
        assert folders.lock(lake, "x") == tmp_path / name.replace("/", "-") / "lake" / "x"


def test_a_place_is_read_extended_and_cleared(folder: Folder) -> None:
    query = folder / "enrich"
    offsets = json.dumps({"history": {"0": 5}})
    for batch in (9, 10, 11):
        folders.put(query / "offsets" / str(batch), f"v1\n{{}}\n{offsets}")
    for name in ("commits/9", "commits/10", "metadata"):
        folders.put(query / name, "v1\n{}")
    assert not place.knows(query, TRANSACTIONS)
    place.join(query, {"transactions": {"0": 0}})
    assert place.knows(query, TRANSACTIONS)
    assert [entry.name for entry in folders.entries(query / "offsets")] == ["10", "9"]
    assert resume.has_checkpoint(query)
    resume.clear(query)
    assert not resume.has_checkpoint(query)
    assert folders.entries(query, "**/*") in ([], [query])


def test_rows_are_appended_and_counted(folder: Folder) -> None:
    row = dict.fromkeys(names(WATCH_TABLE.columns)) | {"model_version": "1"}
    assert not reading.are_there(folder, WATCH_TABLE)
    for state in ("quiet", "early"):
        needed = {"looked_at": 0, "kind": "score", "subject": "p", "measure": "psi", "state": state, "words": "x"}
        append(folder, WATCH_TABLE, [row | needed])
    assert landed.rows(folder) == {"watch": 2}
    assert landed.records(folder) == 0
    assert reading.are_there(folder, WATCH_TABLE)
    assert not reading.are_there(folder, WATCH_TABLE, QUALITY_TABLE)


def test_settings_say_where_the_lake_is(store: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert config.lake_of(run) == run / "lake"
    config.dump(Settings(paths=Paths(run=run, store=f"{store}/one/two")), run / "settings.yaml")
    assert str(config.lake_of(run)) == f"{store}/one/two/lake"
    assert str(config.load(run / "settings.yaml").paths.checkpoints) == f"{store}/one/two/checkpoints"


def test_a_run_goes_on_where_its_lake_is(store: str, tmp_path: Path) -> None:
    here = Settings(paths=Paths(run=tmp_path))
    there = Settings(paths=Paths(run=tmp_path, store=f"{store}/other"))
    stack.require_same_store(there)
    config.dump(here, tmp_path / "settings.yaml")
    stack.require_same_store(here)
    with pytest.raises(ConfigurationError, match="FRESH=1"):
        stack.require_same_store(there)


def test_programs_have_settings_from_their_file_alone(tmp_path: Path) -> None:
    environ = {"CLEARHOLD_PATHS__STORE": "s3a://other/folder", "CLEARHOLD_HANDBOOK": "x.parquet", "AWS_REGION": "here"}
    given = stack._surroundings(tmp_path, environ, Java(tmp_path, 17, "test"))
    assert given.keys() & environ.keys() == {"CLEARHOLD_HANDBOOK", "AWS_REGION"}


@pytest.mark.parametrize(
    "url", ["s3://bucket/folder", "s3a://bucket", "s3a://bucket/", "s3a://bucket/folder/", "/disk"]
)
def test_an_address_of_another_kind_is_refused(url: str, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(json.dumps({"paths": {"store": url}}))
    with pytest.raises(ConfigurationError, match=r"setting paths\.store"):
        config.load(tmp_path / "settings.yaml")


def test_without_its_packages_the_message_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "find_spec", lambda _: None)
    with pytest.raises(EnvironmentProblem, match="make setup STORE=1"):
        Paths(store="s3a://bucket/folder").lake  # noqa: B018
