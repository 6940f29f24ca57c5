"""The lake of a run anew, from what Kafka holds. Runs in .venv.

usage: python -m jobs.rebuild_lake [--run run/demo] (or `make rebuild RUN=run/demo`)

The run must be stopped; its broker is started. The new lake is built beside the old one and takes its place when its books add
up; then every table's digest is shown, before and now. An old lake that held something else is kept. Exit codes: 0, 1 when Kafka
no longer has everything or the books do not add up (the old lake stays), 2 when there is no run, 78 when it is live.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.flows import rebuilding
from pipelines.local.project import HERE


def main(run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo")) -> None:
    """Rebuild the lake."""
    rebuilding.run(HERE, run, os.environ)


if __name__ == "__main__":
    entry.run(main)
