"""The state of the decision path anew, from the lake. Runs in .venv; the decision path in .venv-hot.

usage: python -m jobs.refill_state [--days 90] [--run run/demo] (or `make refill DAYS= RUN=run/demo`)

The run must be stopped and its lake whole. What the state had taken in is published as history, in the order in which it saw it;
the old state is put aside. What the new state logs of it is held against what the old one had logged, as a digest. With --days
only the last days are published: counts then begin anew, and features of a longer past differ. Payments that wait are decided
when the run is started again. Exit codes: 0, 1 when the new state differs, 2 when there is no run or its lake is not whole, 78
when it is live.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.flows import refilling
from pipelines.local.project import HERE


def main(
    days: Annotated[int | None, typer.Option(min=1, help="only the last days; everything when not given")] = None,
    run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo"),
) -> None:
    """Fill the state anew."""
    refilling.run(HERE, run, os.environ, days)


if __name__ == "__main__":
    entry.run(main)
