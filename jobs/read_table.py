"""Rows of a table, now or as of a time. Runs in .venv.

usage: python -m jobs.read_table --name decisions [--as-of 2026-11-25T08:00:00] [--where "action = 'hold'"] [--most 20]
       [--run run/demo] (or `make table NAME= AS_OF= WHERE= MOST= RUN=`)

One JSON object a line, then on stderr how many rows there are. Times are UTC. Exit codes: 0, 2 when there is no such table, it is
younger than the time, or the condition cannot be read.
"""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs import entry
from pipelines import config
from pipelines.monitor import past

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


def main(
    name: Annotated[str, typer.Option(help="of the table")],
    as_of: Annotated[datetime | None, typer.Option(formats=_FORMATS, help="as it was then, UTC")] = None,
    where: Annotated[str, typer.Option(help="SQL condition")] = "true",
    most: Annotated[int, typer.Option(min=0, help="rows to show")] = 20,
    run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo"),
) -> None:
    """Read a table."""
    count, rows = past.read(config.lake_of(run) / name, as_of, where, most)
    for row in rows:
        print(json.dumps({column: value for column, value in row.items() if value is not None}, default=said))
    print(f"{len(rows):,} of {count:,} rows", file=sys.stderr)


def said(value: Any) -> str:
    """What JSON cannot say."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


if __name__ == "__main__":
    entry.run(main)
