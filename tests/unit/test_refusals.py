from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from pipelines.monitor import refusals

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row(offset: int, reason: str, value: bytes | None = b"{}", whole: bool = True) -> dict[str, Any]:
    place = {"topic": "transactions", "kafka_partition": 0, "kafka_offset": offset}
    about = {"appended_at": NOON + timedelta(minutes=offset), "reason": reason, "is_whole": whole}
    return place | about | {"value": value, "bytes": len(value or b"")}


def a_lake(lake: Path) -> Path:
    rows = [row(0, "bad_amount"), row(1, "bad_amount"), row(2, "card_number", b"\x1b[31m*\xff", whole=False)]
    write_deltalake(lake / "quarantine", pa.Table.from_pylist(rows))
    return lake


def test_reasons_are_counted_with_what_they_mean(tmp_path: Path) -> None:
    found = refusals.by_reason(a_lake(tmp_path))
    assert [(each.reason, each.records, each.whole) for each in found] == [("bad_amount", 2, 2), ("card_number", 1, 0)]
    assert (found[0].first, found[0].last) == (NOON, NOON + timedelta(minutes=1))
    said = refusals.words(found)
    assert "Not above zero" in said and "2026-03-01 12:01:00" in said


def test_records_of_a_reason_are_shown_latest_first_and_cannot_drive_a_terminal(tmp_path: Path) -> None:
    assert [one.offset for one in refusals.of(a_lake(tmp_path), "bad_amount", 5)] == [1, 0]
    assert [one.offset for one in refusals.of(tmp_path, "bad_amount", 1)] == [1]
    shown = refusals.lines(refusals.of(tmp_path, "card_number", 5))
    assert "\\x1b[31m*\\xff" in shown and "\x1b" not in shown
