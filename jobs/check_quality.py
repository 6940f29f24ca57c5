"""Quality of what has landed: a suite of checks a table, by Great Expectations, off the decision path. Runs in .venv.

usage: python -m jobs.check_quality [--run run/demo] [--new] (or `make quality RUN=run/demo`)

Looks at the newest 200,000 rows of each table of a run, live or stopped, or with --new at those that have come since the last
look. Leaves results in the table `quality`, Data Docs in <run>/quality and quality.json, never a value of a row. Exit codes: 0,
also when a suite fails that is not critical (with a warning), 1 when a critical one fails (training is then refused), 2 when
nothing has landed.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.flows import quality
from pipelines.local.screen import Screen


def main(
    run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo"),
    new: Annotated[bool, typer.Option("--new", help="only rows that have come since the last look")] = False,
) -> None:
    """Look at what has landed."""
    quality.run(run, Screen(run / "logs" / "check_quality.log"), new)


if __name__ == "__main__":
    entry.run(main)
