"""What there is can be found by a word, and read as it was."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from pipelines.catalog import TABLES
from pipelines.errors import UsageError
from pipelines.monitor import catalogue, past


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    write_deltalake(tmp_path / "decisions", pa.table({"action": ["hold", "approve"]}))
    return tmp_path


def test_a_word_is_found_in_names_and_comments_of_tables_columns_and_topics(lake: Path) -> None:
    found = catalogue.search(lake, {"decisions": 2}, "CALIBRATED prob")
    (entry,) = found.tables
    assert (entry.table.name, entry.rows) == ("decisions", 2)
    assert [column.name for column in entry.columns] == ["probability"]
    assert entry.last_write is not None
    assert abs(entry.last_write - datetime.now(UTC)) < timedelta(minutes=5)
    said = catalogue.words(found)
    for part in ("2 rows", "written by land from topic decisions", "owner: fraud manager", "double"):
        assert part in said
    assert found.facts()["tables"][0]["columns"][0]["type"] == "double"
    assert [topic.name for topic in catalogue.search(lake, {}, "sequence numbers").topics] == ["applied"]


def test_without_a_word_everything_is_there_and_what_was_never_written_says_so(lake: Path) -> None:
    found = catalogue.search(lake, {}, "")
    assert [entry.table for entry in found.tables] == list(TABLES)
    assert all(entry.rows is None and not entry.columns for entry in found.tables)
    assert "never written" in catalogue.words(found)
    assert "owner: engineer; not clustered" in catalogue.words(catalogue.search(lake, {}, "quality check"))
    assert catalogue.words(catalogue.search(lake, {}, "no such word")) == "nothing was found"


def test_a_table_is_read_as_it_was(lake: Path) -> None:
    before = datetime.now(UTC)
    time.sleep(0.01)
    write_deltalake(lake / "decisions", pa.table({"action": ["hold"]}), mode="append")
    assert past.read(lake / "decisions", where="action = 'hold'") == (2, [{"action": "hold"}] * 2)
    assert past.read(lake / "decisions", before, "action = 'hold'", most=5) == (1, [{"action": "hold"}])
    assert past.read(lake / "decisions", before.replace(tzinfo=None), most=0) == (2, [])


@pytest.mark.parametrize(
    ("name", "at", "where", "said"),
    [
        ("none", None, "true", "there is no table"),
        ("decisions", datetime(2020, 1, 1), "true", "there is nothing before that"),
        ("decisions", None, "no_such_column = 1", "the condition cannot be read"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(
    lake: Path, name: str, at: datetime | None, where: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        past.read(lake / name, at, where)
    assert "\n" not in str(refused.value)
