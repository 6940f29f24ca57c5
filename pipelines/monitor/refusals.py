"""What is in quarantine and why, read without Spark."""

from datetime import datetime
from typing import Final, NamedTuple

import duckdb

from pipelines import reading
from pipelines.catalog import QUARANTINE_TABLE
from pipelines.folders import Folder
from pipelines.ingest.admission import MEANING
from pipelines.monitor import text

SHOWN_BYTES: Final = 100


class Reason(NamedTuple):
    """How often a reason was given on a topic, when first and last, and how many of these records can be put back."""

    topic: str
    reason: str
    records: int
    whole: int
    first: datetime
    last: datetime


class Refused(NamedTuple):
    """One record: its place, when it was appended, its length, and how its bytes begin, made printable."""

    topic: str
    partition: int
    offset: int
    appended_at: datetime
    bytes: int | None
    begins: str


def by_reason(lake: Folder) -> list[Reason]:
    """Every reason, the most frequent first."""
    rows = _quarantine(lake).execute(
        "select topic, reason, count(*), count(*) filter (is_whole), min(appended_at), max(appended_at)"
        " from quarantine group by all order by 3 desc, 1, 2"
    )
    return [Reason(*row) for row in rows.fetchall()]


def of(lake: Folder, reason: str, most: int) -> list[Refused]:
    """The latest records that were refused for a reason."""
    rows = _quarantine(lake).execute(
        "select topic, kafka_partition, kafka_offset, appended_at, bytes, value from quarantine"
        " where reason = ? order by appended_at desc, kafka_offset desc limit ?",
        [reason, most],
    )
    return [
        Refused(topic, partition, offset, appended_at, length, _printable(value))
        for topic, partition, offset, appended_at, length, value in rows.fetchall()
    ]


def words(reasons: list[Reason]) -> str:
    """The reasons for people."""
    rows: list[tuple[str, ...]] = [("topic", "reason", "records", "whole", "first", "last", "meaning")]
    rows += [
        (
            each.topic,
            each.reason,
            f"{each.records:,}",
            f"{each.whole:,}",
            *_times(each.first, each.last),
            _meaning(each),
        )
        for each in reasons
    ]
    return text.table(rows, left=True)


def lines(refused: list[Refused]) -> str:
    """Records for people."""
    rows: list[tuple[str, ...]] = [("topic", "partition", "offset", "appended", "bytes", "begins with")]
    rows += [
        (one.topic, str(one.partition), str(one.offset), *_times(one.appended_at), f"{one.bytes or 0:,}", one.begins)
        for one in refused
    ]
    return text.table(rows, left=True)


def _quarantine(lake: Folder) -> duckdb.DuckDBPyConnection:
    database = reading.opened(lake, QUARANTINE_TABLE)
    database.execute("set timezone = 'UTC'")
    return database


def _meaning(reason: Reason) -> str:
    return MEANING.get(reason.reason, "")


def _times(*times: datetime) -> tuple[str, ...]:
    return tuple(f"{time:%Y-%m-%d %H:%M:%S}" for time in times)


def _printable(value: bytes | None) -> str:
    shown = bytes(value or b"")[:SHOWN_BYTES].decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in shown)
