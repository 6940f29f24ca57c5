"""The books of a run: every record that Kafka acknowledged, found again in the lake. Runs in .venv.

usage: python -m jobs.account [--run run/demo] (or `make account RUN=run/demo`)

Offsets in Kafka against rows in the lake, for every partition; payment records against decisions, quarantine and duplicates.
A stopped run's broker is started to be asked. Leaves account.json in the run's folder. Exit codes: 0 when everything adds up, 1
when not, 2 when there is no run, 75 or 78 when its broker could not start.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.flows import accounting
from pipelines.local.project import HERE


def main(run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo")) -> None:
    """Close the books."""
    accounting.run(HERE, run, os.environ)


if __name__ == "__main__":
    entry.run(main)
