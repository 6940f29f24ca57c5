"""Quality of what has landed: a suite of checks a table, by Great Expectations, off the decision path. Runs in .venv.

usage: python -m jobs.check_quality [--run run/demo] [--new] (or `make quality RUN=run/demo`)
       python -m jobs.check_quality --config run/live/settings.yaml --every 60

Looks at the newest 200,000 rows of each table of a run, live or stopped, or with --new at those that have come since the last
look. Leaves results in the table `quality` and Data Docs in <run>/quality, never a value of a row. --every stays, with low
priority, and looks whenever so many landing batches have come; SIGTERM stops it. Exit codes: 0 also when a suite fails that is
not critical (with a warning), 1 when a critical one fails (training is then refused), 2 when nothing has landed.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import quality, quality_watch
from pipelines.local.screen import Screen

NICENESS = 10


def main(
    run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo"),
    settings: Annotated[Path | None, typer.Option("--config", help="settings file (YAML) that names the run")] = None,
    new: Annotated[bool, typer.Option("--new", help="only rows that have come since the last look")] = False,
    every: Annotated[
        int | None, typer.Option(min=1, help="stay, and look whenever so many batches have landed")
    ] = None,
) -> None:
    """Look at what has landed."""
    place = config.load(settings).paths.run if settings else run
    if every:
        os.nice(NICENESS)
        quality_watch.follow(place, every, entry.stopping())
    else:
        quality.run(place, Screen(place / "logs" / "quality-said.log"), new)


if __name__ == "__main__":
    entry.run(main)
