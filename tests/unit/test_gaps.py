"""Records that Kafka threw away: found where landing has not been, and passed over only by name."""

from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from pipelines import config
from pipelines.catalog import APPLIED, DECISIONS, GAPS_TABLE, TRANSACTIONS
from pipelines.config import Paths, Settings
from pipelines.errors import Unaccounted, UsageError
from pipelines.flows import allowing
from pipelines.ingest import gaps
from pipelines.ingest.gaps import Gap
from pipelines.land import resume

TYPES = {
    "string": pa.string(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "timestamp": pa.timestamp("us", "UTC"),
}
LOST = Gap("transactions", 0, 100, 150)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with an empty table of gaps."""
    columns = [pa.field(one.name, TYPES[one.type], not one.required) for one in GAPS_TABLE.columns]
    config.dump(Settings(paths=Paths(run=tmp_path)), tmp_path / "settings.yaml")
    write_deltalake(tmp_path / "lake" / GAPS_TABLE.name, pa.schema(columns).empty_table())
    return tmp_path


@pytest.mark.parametrize(
    ("landed", "begins", "found"),
    [
        ({"transactions": {0: 100}}, {"transactions": {0: 0}}, []),
        ({"transactions": {0: 100}}, {"transactions": {0: 100}}, []),
        ({"transactions": {0: 100}}, {"transactions": {0: 150}}, [LOST]),
        ({"transactions": {0: 100}}, {"transactions": {0: 100, 1: 7}}, [Gap("transactions", 1, 0, 7)]),
        ({}, {"signals": {0: 3}}, [Gap("signals", 0, 0, 3)]),
    ],
)
def test_a_gap_lies_between_what_has_landed_and_what_is_there(
    landed: gaps.Ends, begins: gaps.Ends, found: list[Gap]
) -> None:
    assert gaps.between(landed, begins) == found


def test_what_was_passed_over_moves_the_end_and_never_back() -> None:
    assert gaps.across({"transactions": {0: 100}}, [LOST]) == {"transactions": {0: 150}}
    assert gaps.across({"transactions": {0: 900}}, [LOST]) == {"transactions": {0: 900}}


def test_a_gap_stops_landing_until_it_is_allowed_by_its_name(run: Path) -> None:
    lake, said = run / "lake", list[str]()
    with pytest.raises(UsageError, match="there is no gap"):
        allowing.run(run, LOST.name, "because", said.append)
    for _ in range(2):
        with pytest.raises(Unaccounted, match="50 records of transactions/0 from offset 100.*GAP=transactions-0-100"):
            gaps.require_allowed(lake, [LOST])
    assert gaps.named(lake, gaps.FOUND) == {LOST.name: LOST}
    allowing.run(run, None, None, said.append)
    with pytest.raises(UsageError, match="WHY"):
        allowing.run(run, LOST.name, None, said.append)
    allowing.run(run, LOST.name, "the disk was too small", said.append)
    allowing.run(run, LOST.name, "again", said.append)
    assert [line.split()[0] for line in said] == ["50", "allowed:", "gap"]
    gaps.require_allowed(lake, [LOST._replace(until=170)])  # Kafka has thrown more away since
    with pytest.raises(Unaccounted):
        gaps.require_allowed(lake, [LOST, Gap("transactions", 1, 0, 9)])


def test_half_a_checkpoint_is_not_mistaken_for_one(tmp_path: Path) -> None:
    (tmp_path / "offsets").mkdir()
    for name in ("metadata", "offsets/0", "leader.lock"):
        (tmp_path / name).write_text("")
    resume.clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["leader.lock"]
    assert not resume.has_checkpoint(tmp_path)
    resume.clear(tmp_path / "nowhere")


def test_how_far_topics_have_landed(tmp_path: Path) -> None:
    records = [("transactions", 0, 5), ("transactions", 0, 3), ("transactions", 1, 0), ("signals", 0, 8)]
    columns = ("topic", "kafka_partition", "kafka_offset")
    write_deltalake(
        tmp_path / "records", pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in records])
    )
    write_deltalake(tmp_path / "applied", pa.table({"kafka_partition": [0, 0], "kafka_offset": [1, 2]}))
    erased = dict(zip(columns, ("applied", 0, 9), strict=True))
    write_deltalake(tmp_path / "erasures", pa.Table.from_pylist([erased]))
    assert resume.landed(tmp_path, (TRANSACTIONS, DECISIONS, APPLIED)) == {
        "transactions": {0: 6, 1: 1},
        "applied": {0: 10},
    }
