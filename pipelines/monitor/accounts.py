"""The books: what Kafka acknowledged against what the lake holds, read without Spark."""

from collections import Counter
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from pipelines import reading
from pipelines.catalog import (
    APPLIED,
    APPLIED_TABLE,
    DECISIONS,
    DECISIONS_TABLE,
    DUPLICATES_TABLE,
    ERASURES_TABLE,
    QUARANTINE_TABLE,
    RECORDS_TABLE,
    TRANSACTIONS,
)
from pipelines.folders import Folder
from pipelines.ingest import gaps
from pipelines.ingest.topics import Ends
from pipelines.monitor import text

_COUNTED = "select topic, kafka_partition, count(*), count(*) - count(distinct kafka_offset), max(kafka_offset) + 1"
_BEHIND = f"""
select '{APPLIED.name}' as topic, kafka_partition, kafka_offset from {APPLIED_TABLE.name}
union all select topic, kafka_partition, kafka_offset from quarantine where topic = '{APPLIED.name}'
union all select topic, kafka_partition, kafka_offset from erasures where topic = '{APPLIED.name}'
  and (kafka_partition, kafka_offset) not in (select (kafka_partition, kafka_offset) from {APPLIED_TABLE.name})
"""
_BALANCE = f"""
with sent as (select kafka_partition as p, kafka_offset as o from records where topic = '{TRANSACTIONS.name}'),
known as (
  select source_partition as p, source_offset as o, 'decided' as how from decisions
  union all select distinct source_partition, source_offset, 'duplicate' from duplicates where cause = 'resent'
  union all select kafka_partition, kafka_offset, 'quarantined' from quarantine where topic = '{TRANSACTIONS.name}'),
ended as (
  from known union all
  select distinct kafka_partition, kafka_offset, 'erased' from erasures
  where topic = '{TRANSACTIONS.name}' and (kafka_partition, kafka_offset) not in (select (p, o) from known)),
each as (
  select p, o, count(how) as ends, any_value(sent.p is not null) as was_sent,
         count(*) filter (how = 'decided') as decided, count(*) filter (how = 'duplicate') as duplicates,
         count(*) filter (how = 'quarantined') as quarantined, count(*) filter (how = 'erased') as erased
  from sent full join ended using (p, o) group by p, o),
totals as (
  select count(*) filter (was_sent) as sent, coalesce(sum(decided), 0) as decided, coalesce(sum(duplicates), 0) as duplicates,
         coalesce(sum(quarantined), 0) as quarantined, coalesce(sum(erased), 0) as erased,
         count(*) filter (ends = 0) as open, count(*) filter (ends > 1) as twice,
         count(*) filter (not was_sent and not exists (select 1 from gone where topic = '{TRANSACTIONS.name}'
           and partition = p and o >= since and o < until)) as foreign_
  from each),
lost as (select coalesce(sum(until - since), 0) as decisions from gone where topic = '{DECISIONS.name}')
select sent, decided, duplicates, quarantined, erased, least(open, lost.decisions), greatest(open - lost.decisions, 0), twice,
       foreign_
from totals, lost
"""


_GAP = pa.schema({"topic": pa.string(), "partition": pa.int32(), "since": pa.int64(), "until": pa.int64()})


class Line(NamedTuple):
    """One partition: records that Kafka acknowledged, rows in `records`, and how many of these stand twice.

    `gone`: records that Kafka threw away before they landed, which somebody has allowed. `reached`: behind the last row.
    """

    topic: str
    partition: int
    acknowledged: int
    rows: int
    twice: int
    gone: int
    reached: int

    @property
    def waiting(self) -> int:
        """Records behind everything that has landed: they land when landing goes on."""
        return max(0, self.acknowledged - self.reached)

    @property
    def difference(self) -> int:
        """Records without a row, and rows too many."""
        return abs(self.acknowledged - self.gone - (self.rows - self.twice)) + self.twice


class Books(NamedTuple):
    """How each payment record ended.

    `erased`: its end was removed with its card. `unknown`: its decision was gone before it landed. `open`: in no way. `twice`: in
    more than one. `foreign`: unsent.
    """

    lines: tuple[Line, ...]
    sent: int
    decided: int
    duplicates: int
    quarantined: int
    erased: int
    unknown: int
    open: int
    twice: int
    foreign: int

    @property
    def not_landed(self) -> int:
        """Records without a row, and rows too many, whatever became of the payments."""
        return sum(line.difference for line in self.lines)

    @property
    def waiting(self) -> int:
        """Records that land when landing goes on."""
        return sum(line.waiting for line in self.lines)

    @property
    def lost(self) -> int:
        """What no landing to come can mend: rows that are missing between others, or stand twice; payments that ended twice."""
        return self.not_landed - self.waiting + self.twice

    @property
    def difference(self) -> int:
        """What does not add up; must be 0."""
        return self.not_landed + self.open + self.twice + self.foreign

    def facts(self) -> dict[str, Any]:
        """For files."""
        lines = [{**line._asdict(), "difference": line.difference} for line in self.lines]
        return {**self._asdict(), "lines": lines, "difference": self.difference}


def close(lake: Folder, ends: Ends) -> Books:
    """Hold the lake against the ends of the topics.

    Args:
        lake: folder of the tables.
        ends: of every topic that lands at once, taken after the last record that shall count. What lands behind is looked at
            if it is in here.
    """
    database = reading.opened(lake, RECORDS_TABLE, DECISIONS_TABLE, DUPLICATES_TABLE, QUARANTINE_TABLE)
    _register_erasures(database, lake)
    found = database.execute(f"{_COUNTED} from records group by all").fetchall()
    if APPLIED.name in ends:
        reading.register(database, lake, APPLIED_TABLE)
        found += database.execute(f"{_COUNTED} from ({_BEHIND}) group by all").fetchall()
    rows = {(topic, partition): tuple(counts) for topic, partition, *counts in found}
    passed = gaps.named(lake, gaps.PASSED).values()
    database.register("gone", pa.Table.from_pylist([gap._asdict() for gap in passed], _GAP))
    gone = Counter[tuple[str, int]]()
    for gap in passed:
        gone[gap.topic, gap.partition] += gap.length
    expected = {(topic, part): end for topic, parts in ends.items() for part, end in parts.items()}
    lines = []
    for each in sorted(expected.keys() | rows.keys()):
        (topic, partition), (count, twice, reached) = each, rows.get(each, (0, 0, 0))
        lines.append(Line(topic, partition, expected.get(each, 0), count, twice, gone[each], reached))
    balance = database.execute(_BALANCE).fetchone()
    return Books(tuple(lines), *(balance or ()))


def _register_erasures(database: duckdb.DuckDBPyConnection, lake: Folder) -> None:
    """A lake that no card was ever erased from may not have the table yet."""
    if reading.are_there(lake, ERASURES_TABLE):
        reading.register(database, lake, ERASURES_TABLE)
    else:
        columns = "'' as topic, 0 as kafka_partition, 0 as kafka_offset"
        database.execute(f"create view {ERASURES_TABLE.name} as select {columns} where false")


def words(books: Books) -> str:
    """The books for people."""
    rows = [("topic", "partition", "acknowledged", "in the lake", "difference")]
    rows += [
        (each.topic, str(each.partition), f"{each.acknowledged:,}", f"{each.rows:,}", f"{each.difference:,}")
        for each in books.lines
    ]
    gone = sum(each.gone for each in books.lines)
    return (
        f"{text.table(rows)}\n\n  payments      {books.sent:,} = decided {books.decided:,} + quarantined {books.quarantined:,}"
        f" + duplicates {books.duplicates:,}{f' + erased {books.erased:,}' if books.erased else ''}"
        + (f" + decision gone {books.unknown:,}\n" if books.unknown else "\n")
        + (f"  gone          {gone:,} records that Kafka threw away before they landed, as allowed\n" if gone else "")
        + f"  difference    {books.difference:,} (open {books.open:,}, ended twice {books.twice:,}, never sent {books.foreign:,})"
    )
