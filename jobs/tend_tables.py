"""Upkeep of the lake: compaction, clustering, removal of what no kept version needs. Runs in .venv.

usage: python -m jobs.tend_tables [--run run/demo] [--every SECONDS] (or `make tend RUN= EVERY=`)

Safe while landing writes. Small files of each table become few that lie as the table is clustered; files and log entries that
only serve versions older than the table is kept (`make catalogue`) are removed. Prints, before and after: files and megabytes of
the present version, log entries a reader opens, milliseconds to read. With --every it stays, and does a round every so many
seconds, the first after as many, each in a process of its own; SIGTERM or SIGINT ends it. Exit codes: 0, 2 when there is no run,
75 when somebody keeps changing a table, 78 when another upkeep is at work.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import tending
from pipelines.local import rounds


def main(
    run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo"),
    settings: Annotated[Path | None, typer.Option("--config", help="settings file that names the run")] = None,
    every: Annotated[float | None, typer.Option(min=1, help="stay, seconds between rounds")] = None,
) -> None:
    """Tend the tables of a run."""
    place = config.load(settings).paths.run if settings else run
    if every is None:
        tending.run(place)
    else:
        rounds.keep((sys.executable, "-m", "jobs.tend_tables", "--run", str(place)), every, entry.stopping())


if __name__ == "__main__":
    entry.run(main)
