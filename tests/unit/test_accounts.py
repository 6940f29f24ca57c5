"""The books show every way in which they can fail to add up."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from pipelines.monitor import accounts
from pipelines.monitor.accounts import Books

Rows = list[dict[str, Any]]
ENDS = {"transactions": {0: 4}, "decisions": {0: 3}}


def place(offset: int, topic: str = "transactions") -> dict[str, Any]:
    return {"topic": topic, "kafka_partition": 0, "kafka_offset": offset}


def source(offset: int, **more: Any) -> dict[str, Any]:
    return {"source_partition": 0, "source_offset": offset, **more}


# payments 0 and 1 are decided, 2 is payment 0 sent again, 3 is refused; payment 1 was decided once more after a crash
RECORDS = [*map(place, range(4)), *(place(n, "decisions") for n in range(3))]
DECISIONS = [source(0), source(1)]
DUPLICATES = [source(2, cause="resent"), source(1, cause="repeated"), source(2, cause="resent")]
QUARANTINE = [place(3), place(9, "signals")]


def closed(lake: Path, records: Rows, decisions: Rows, duplicates: Rows, quarantine: Rows) -> Books:
    tables = {"records": records, "decisions": decisions, "duplicates": duplicates, "quarantine": quarantine}
    shapes = {"records": place(0), "decisions": source(0), "duplicates": source(0, cause=""), "quarantine": place(0)}
    for name, rows in tables.items():
        write_deltalake(lake / name, pa.Table.from_pylist([shapes[name], *rows])[1:])
    return accounts.close(lake, ENDS)


def test_what_lands_behind_is_in_the_books_when_it_is_asked_for(tmp_path: Path) -> None:
    refused = [*QUARANTINE, place(2, "applied")]
    assert closed(tmp_path, RECORDS, DECISIONS, DUPLICATES, refused).difference == 0
    write_deltalake(tmp_path / "applied", pa.Table.from_pylist([place(0, "applied"), place(1, "applied")]))
    ends = {**ENDS, "applied": {0: 3}}
    assert accounts.close(tmp_path, ends).difference == 0
    assert accounts.close(tmp_path, {**ends, "applied": {0: 4}}).difference == 1


def test_what_is_behind_all_that_landed_waits_and_a_hole_is_lost(tmp_path: Path) -> None:
    ends = {"transactions": {0: 6}, "decisions": {0: 3}}
    closed(tmp_path, RECORDS, DECISIONS, DUPLICATES, QUARANTINE)
    tail = accounts.close(tmp_path, ends)
    assert (tail.difference, tail.waiting, tail.lost) == (2, 2, 0)
    shutil.rmtree(tmp_path / "records")
    write_deltalake(tmp_path / "records", pa.Table.from_pylist([each for each in RECORDS if each != place(1)]))
    hole = accounts.close(tmp_path, ends)
    assert (hole.waiting, hole.lost) == (2, 1)


def test_what_was_erased_counts_where_it_has_no_other_end(tmp_path: Path) -> None:
    noted = [place(1), place(0), place(2, "applied")]
    write_deltalake(tmp_path / "applied", pa.Table.from_pylist([place(0, "applied"), place(1, "applied")]))
    write_deltalake(tmp_path / "erasures", pa.Table.from_pylist(noted))
    assert closed(tmp_path, RECORDS, DECISIONS[:1], DUPLICATES, QUARANTINE)[1:] == (4, 1, 1, 1, 1, 0, 0, 0, 0)
    assert accounts.close(tmp_path, {**ENDS, "applied": {0: 3}}).difference == 0
    assert "duplicates 1 + erased 1" in accounts.words(accounts.close(tmp_path, ENDS))
    write_deltalake(tmp_path / "erasures", pa.Table.from_pylist([place(9)]), mode="append")
    assert accounts.close(tmp_path, ENDS).foreign == 1


def test_books_that_add_up(tmp_path: Path) -> None:
    books = closed(tmp_path, RECORDS, DECISIONS, DUPLICATES, QUARANTINE)
    assert books[1:] == (4, 2, 1, 1, 0, 0, 0, 0, 0)
    assert books.difference == 0
    assert [line.difference for line in books.lines] == [0, 0]
    assert "difference    0" in accounts.words(books)


def gone(lake: Path, topic: str, since: int, until: int, state: str = "passed") -> None:
    row = {"topic": topic, "kafka_partition": 0, "since_offset": since, "until_offset": until, "state": state}
    write_deltalake(lake / "data_gaps", pa.Table.from_pylist([row]))


def test_what_was_gone_before_it_landed_is_counted_once_it_is_allowed(tmp_path: Path) -> None:
    """Payment 0 is gone: it was decided, and nobody can say that it was sent."""
    gone(tmp_path, "transactions", 0, 1, state="found")
    books = closed(tmp_path, RECORDS[1:], DECISIONS, DUPLICATES, QUARANTINE)
    assert (books.foreign, books.difference) == (1, 2)
    shutil.rmtree(tmp_path)
    gone(tmp_path, "transactions", 0, 1)
    books = closed(tmp_path, RECORDS[1:], DECISIONS, DUPLICATES, QUARANTINE)
    assert books.difference == 0
    assert "gone          1 records" in accounts.words(books)


def test_payments_whose_decisions_are_gone_are_unknown_not_open(tmp_path: Path) -> None:
    gone(tmp_path, "decisions", 0, 1)
    without = [one for one in RECORDS if one != place(0, "decisions")]
    books = closed(tmp_path, without, DECISIONS[1:], DUPLICATES, QUARANTINE)
    assert (books.unknown, books.open, books.difference) == (1, 0, 0)
    shutil.rmtree(tmp_path)
    gone(tmp_path, "decisions", 0, 1)
    books = closed(tmp_path, without, DECISIONS[2:], DUPLICATES, QUARANTINE)
    assert (books.unknown, books.open) == (1, 1), "one decision that is gone cannot stand for two payments"


@pytest.mark.parametrize(
    ("records", "decisions", "quarantine", "what"),
    [
        (RECORDS[:-1], DECISIONS, QUARANTINE, "a decision's record has no row"),
        ([*RECORDS, RECORDS[-1]], DECISIONS, QUARANTINE, "a record has two rows"),
        ([*RECORDS[:-1], RECORDS[-2]], DECISIONS, QUARANTINE, "one has two rows, another none"),
        ([*RECORDS, place(0, "unknown")], DECISIONS, QUARANTINE, "rows of a topic that is not there"),
    ],
)
def test_records_and_rows_that_differ(
    tmp_path: Path, records: Rows, decisions: Rows, quarantine: Rows, what: str
) -> None:
    assert closed(tmp_path, records, decisions, DUPLICATES, quarantine).difference > 0, what


@pytest.mark.parametrize(
    ("decisions", "quarantine", "field"),
    [
        (DECISIONS[:1], QUARANTINE, "open"),
        (DECISIONS, QUARANTINE[1:], "open"),
        ([*DECISIONS, source(3)], QUARANTINE, "twice"),
        ([*DECISIONS, source(1)], QUARANTINE, "twice"),
        ([*DECISIONS, source(7)], QUARANTINE, "foreign"),
    ],
)
def test_payments_that_end_in_no_way_or_in_two(tmp_path: Path, decisions: Rows, quarantine: Rows, field: str) -> None:
    books = closed(tmp_path, RECORDS, decisions, DUPLICATES, quarantine)
    assert getattr(books, field) == books.difference == 1
