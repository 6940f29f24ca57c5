"""How every part of a run is. Runs in .venv.

usage: python -m jobs.show_status [--run run/demo] (or `make status RUN=run/demo`)

One line a part: what it last said, and when. Exit codes: 0 when all of them run, 1 when one does not, 2 when there is no run.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.monitor import parts


def main(run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo")) -> None:
    """Show."""
    found = parts.look(run)
    print(parts.words(found))
    sys.exit(not all(each.runs for each in found))


if __name__ == "__main__":
    entry.run(main)
