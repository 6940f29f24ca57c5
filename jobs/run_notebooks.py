"""Carry out the notebooks on the lake of a run. Runs in the lake's environment (.venv).

usage: python -m jobs.run_notebooks [--run run/demo] (or `make notebooks RUN=run/demo`)

Leaves a page of each in <run>/notebooks; the notebooks themselves stay as they are. Exit codes: 1 when one of them fails, 2 when
nothing has landed.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.flows import notebooks
from pipelines.local.project import HERE
from pipelines.local.screen import Screen


def main(run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo")) -> None:
    """Carry them out."""
    screen = Screen(run / "logs" / "notebooks.log")
    for page in notebooks.run(HERE, run, screen):
        print(f"  {page}")


if __name__ == "__main__":
    entry.run(main)
