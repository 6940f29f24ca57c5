import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
from deltalake import write_deltalake

from pipelines.monitor import lag

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_row_is_readable_when_its_commit_is(tmp_path: Path) -> None:
    for commit, after in enumerate([(1, 2), (11,), ()]):
        rows = [{"appended_at": NOON + timedelta(seconds=seconds)} for seconds in after]
        shape = pa.schema([("appended_at", pa.timestamp("us", "UTC"))])
        write_deltalake(tmp_path / "table", pa.Table.from_pylist(rows, shape), mode="append")
        log = tmp_path / "table" / "_delta_log" / f"{commit:020d}.json"
        actions = [json.loads(line) for line in log.read_text().splitlines()]
        for action in actions:
            if "commitInfo" in action:
                action["commitInfo"]["timestamp"] = int((NOON + timedelta(seconds=10 * commit + 5)).timestamp() * 1000)
        log.write_text("\n".join(map(json.dumps, actions)))
    every = lag.percentiles(tmp_path / "table")
    assert (every["p50"], every["max"]) == (4.0, 4.0)
    late = lag.percentiles(tmp_path / "table", (NOON + timedelta(seconds=2)).timestamp() * 1000)
    assert (late["p50"], late["max"]) == (3.5, 4.0)
    assert lag.percentiles(tmp_path / "table", NOON.timestamp() * 2000) == {"p50": None, "p99": None, "max": None}
