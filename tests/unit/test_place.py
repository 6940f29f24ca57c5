"""Topics join a query's checkpoint behind the history, at its last committed batch."""

import json
from pathlib import Path

import pytest

from pipelines.catalog import HISTORY, TRANSACTIONS
from pipelines.enrich import place

BEGINS = {"transactions": {"0": 7}, "signals": {"0": 3}}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Batches 9 and 10 are committed, 11 had begun."""
    for folder in ("offsets", "commits"):
        (tmp_path / folder).mkdir()
    for number in (9, 10, 11):
        (tmp_path / "offsets" / f"{number}").write_text(f'v1\n{{"conf":{{}}}}\n{{"history":{{"0":{number}}}}}')
        (tmp_path / "offsets" / f".{number}.crc").write_text("of that content")
    for number in (9, 10):
        (tmp_path / "commits" / f"{number}").write_text("v1\n{}")
    return tmp_path


def test_topics_join_where_they_begin(checkpoint: Path) -> None:
    assert place.knows(checkpoint, HISTORY)
    assert not place.knows(checkpoint, TRANSACTIONS)
    place.join(checkpoint, BEGINS)
    assert place.knows(checkpoint, TRANSACTIONS)
    version, conf, offsets = (checkpoint / "offsets" / "10").read_text().splitlines()
    assert (version, conf) == ("v1", '{"conf":{}}')
    assert json.loads(offsets) == {"history": {"0": 10}, **BEGINS}


def test_what_had_begun_behind_it_runs_anew_and_no_checksum_is_left_of_what_was_there(checkpoint: Path) -> None:
    place.join(checkpoint, BEGINS)
    left = {path.name for path in (checkpoint / "offsets").iterdir()}
    assert "11" not in left
    assert ".10.crc" not in left
    assert "9" in left


def test_without_a_checkpoint_nothing_can_join(tmp_path: Path) -> None:
    assert not place.knows(tmp_path, TRANSACTIONS)
    with pytest.raises(ValueError, match="no checkpoint yet"):
        place.join(tmp_path, BEGINS)


def test_a_refill_is_asked_for_until_it_is_done(tmp_path: Path) -> None:
    assert place.refill(tmp_path) is None
    (tmp_path / place.REFILL).write_text(json.dumps(BEGINS))
    assert place.refill(tmp_path) == BEGINS
    place.filled(tmp_path)
    place.filled(tmp_path)
    assert place.refill(tmp_path) is None
