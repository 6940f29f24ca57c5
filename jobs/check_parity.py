"""Stream against batch: every landed feature vector computed anew, in the stream's order. Runs in .venv and .venv-hot.

usage: python -m jobs.check_parity [--run run/demo] (or `make parity RUN=run/demo`)

Reads the lake of a run, live or stopped; compares to the last bit. Leaves parity.json in the run's folder. Exit codes: 0 when
all agree, 1 when a feature differs, 2 when there is no run.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.flows import parity
from pipelines.local.project import HERE
from pipelines.local.screen import Screen


def main(run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo")) -> None:
    """Compare."""
    parity.run(HERE, run, Screen(run / "logs" / "parity.log"))


if __name__ == "__main__":
    entry.run(main)
