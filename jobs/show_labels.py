"""What is known about the payments of a run, by whom, and how long that takes. Runs in the lake's environment (.venv).

usage: python -m jobs.show_labels [--run run/demo] (or `make labels RUN=run/demo`)

Reads the lake of a run, live or stopped. Leaves labels/labels.json and labels/maturity.png in the run's folder.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.flows import labels


def main(run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo")) -> None:
    """Show."""
    labels.run(run)


if __name__ == "__main__":
    entry.run(main)
