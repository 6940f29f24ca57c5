"""Which payments have a decision, told from their offsets."""

import sqlite3
from pathlib import Path

import pytest

from pipelines.score.position import MOST_OPEN, Anchor, Run, behind


def decided(run: Run, offsets: range) -> list[int]:
    """The offsets that the run's SQL is true for."""
    database = sqlite3.connect(":memory:")
    database.execute("create table features (source_offset)")
    database.executemany("insert into features values (?)", [(offset,) for offset in offsets])
    return [row[0] for row in database.execute(f"select source_offset from features where {run.sql} order by 1")]


@pytest.mark.parametrize(
    "arrived",
    [[3, 4, 5], [3, 5, 4], [3, 4, 5, 4, 3], [3, 5], [3, 7, 4, 6], [3, 2, 1]],
    ids=["in order", "out of order", "repeated", "one missing", "gaps", "earlier than the first"],
)
def test_only_what_arrived_counts_as_decided(arrived: list[int]) -> None:
    run = Run(arrived[0], arrived[0])
    for offset in arrived:
        run.add(offset)
    assert decided(run, range(10)) == sorted({offset for offset in arrived if offset >= 3})


def test_too_many_missing_move_the_beginning_and_never_add_anything() -> None:
    run, last = Run(0, 0), 2 * (MOST_OPEN + 500)
    for offset in range(0, last, 2):
        run.add(offset)
    found = decided(run, range(last))
    assert len(run.missing) <= MOST_OPEN
    assert len(found) > MOST_OPEN - 10
    assert not any(offset % 2 for offset in found)


def test_a_leap_begins_anew() -> None:
    run = Run(0, 0)
    for offset in (0, 1, 10 * MOST_OPEN):
        run.add(offset)
    assert decided(run, range(3)) == []
    assert decided(run, range(10 * MOST_OPEN - 2, 10 * MOST_OPEN + 2)) == [10 * MOST_OPEN]


def test_an_anchor_is_read_as_it_was_written(tmp_path: Path) -> None:
    anchor = Anchor({0: 5, 1: 7}, {0: 9}, {0: (3, 8, [4, 6])})
    anchor.write(tmp_path / "anchor.json")
    found = Anchor.read(tmp_path / "anchor.json")
    assert (found.features, found.decisions) == (anchor.features, anchor.decisions)
    assert Run(*found.payments[0]).sql == Run(3, 8, [4, 6]).sql


def features(*payments: int) -> list[tuple[int, bytes]]:
    """Feature records from offset 10 on, about payments at these offsets."""
    return [(10 + n, b'{"source_partition":0,"source_offset":%d,"x":1}' % one) for n, one in enumerate(payments)]


@pytest.mark.parametrize(
    ("records", "place"),
    [
        (features(3, 4, 5), 13),
        (features(3, 6, 5), 11),
        (features(3, 9), 11),
        (features(2, 3), 10),
        ([(10, b"no record of ours")], 10),
        ([], 10),
    ],
    ids=["all decided", "one is missing", "one is to come", "one lies before the run", "junk", "nothing"],
)
def test_features_whose_payments_are_decided_are_behind_us(records: list[tuple[int, bytes]], place: int) -> None:
    run = Run(3, 8, [6])
    assert behind(10, records, lambda partition, payment: partition == 0 and payment in run) == place
