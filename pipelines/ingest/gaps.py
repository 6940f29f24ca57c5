"""Records that Kafka threw away before they had landed: written down, and passed over only when somebody allowed it by name.

A gap has a name, `topic-partition-offset`: where it begins. It goes through three states, a row each in `data_gaps`: found,
allowed (by a person, who says why), passed. What is passed over reaches to where Kafka begins then, however far that has moved.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

import duckdb
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from pipelines.catalog import GAPS_TABLE
from pipelines.errors import Unaccounted
from pipelines.folders import Folder
from pipelines.ingest.topics import Ends
from pipelines.turns import turn

FOUND: Final = "found"
ALLOWED: Final = "allowed"
PASSED: Final = "passed"
BEGINNING: Final = "the lake begins here"


class Gap(NamedTuple):
    """Offsets of a partition that are in Kafka no more and never landed, from `since` to before `until`."""

    topic: str
    partition: int
    since: int
    until: int

    @property
    def name(self) -> str:
        """What it is allowed by."""
        return f"{self.topic}-{self.partition}-{self.since}"

    @property
    def length(self) -> int:
        """Records that are gone."""
        return self.until - self.since

    def __str__(self) -> str:
        """For people."""
        return f"{self.length:,} records of {self.topic}/{self.partition} from offset {self.since} (gap {self.name})"


def between(landed: Ends, begins: Ends) -> list[Gap]:
    """What lies between the end of what has landed and the beginning of what Kafka has.

    Args:
        landed: the offset to land next, 0 where nothing has landed.
        begins: the first offset of each partition that is there.
    """
    return [
        Gap(topic, partition, landed.get(topic, {}).get(partition, 0), begin)
        for topic, parts in begins.items()
        for partition, begin in parts.items()
        if begin > landed.get(topic, {}).get(partition, 0)
    ]


def across(ends: Ends, passed: Iterable[Gap]) -> Ends:
    """Ends of topics, moved behind the gaps that were passed over."""
    found = {topic: dict(parts) for topic, parts in ends.items()}
    for gap in passed:
        parts = found.setdefault(gap.topic, {})
        parts[gap.partition] = max(parts.get(gap.partition, 0), gap.until)
    return found


def named(lake: Folder, state: str) -> dict[str, Gap]:
    """Gaps that have reached a state, by name; with their extent at that time. None in a lake that is older than their table."""
    if not DeltaTable.is_deltatable(str(lake / GAPS_TABLE.name)):
        return {}
    database = duckdb.connect()  # Arrow's own threads, in a command that ends at once, abort it while they end
    database.register("gaps", DeltaTable(str(lake / GAPS_TABLE.name)).to_pyarrow_dataset())
    found = "select topic, kafka_partition, since_offset, until_offset from gaps where state = ?"
    gaps = (Gap(*row) for row in database.execute(found, [state]).fetchall())
    return {gap.name: gap for gap in gaps}


def note(lake: Folder, gaps: Iterable[Gap], state: str, why: str | None = None) -> None:
    """Write down that gaps are in a state now."""
    at = datetime.now(UTC)
    rows = [
        {
            "name": gap.name,
            "topic": gap.topic,
            "kafka_partition": gap.partition,
            "since_offset": gap.since,
            "until_offset": gap.until,
            "state": state,
            "at": at,
            "why": why,
        }
        for gap in gaps
    ]
    if rows:
        with turn(lake / GAPS_TABLE.name):
            table = DeltaTable(str(lake / GAPS_TABLE.name))
            write_deltalake(table, pa.Table.from_pylist(rows, pa.schema(table.schema().to_arrow())), mode="append")


def require_allowed(lake: Folder, gaps: Iterable[Gap]) -> None:
    """Refuse gaps that nobody has allowed; they are written down as found.

    Raises:
        Unaccounted: there is one.
    """
    allowed, known = named(lake, ALLOWED), named(lake, FOUND)
    refused = [gap for gap in gaps if gap.name not in allowed]
    note(lake, (gap for gap in refused if gap.name not in known), FOUND)
    if refused:
        raise Unaccounted(
            f"gone from Kafka before they landed: {'; '.join(map(str, refused))}. Nothing lands until that is allowed: "
            f'make allow GAP={refused[0].name} WHY="..."'
        )
