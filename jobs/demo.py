"""Everything on one machine, live: broker, registry, first model, stream, lake, a simulated bank. Runs in .venv.

usage: python -m jobs.demo [--for SECONDS] [--rate 50] [--cards 1000] [--seed 7] [--fresh] [--inject shift] (or `make demo`)

Ctrl-C stops everything in order within 15 s. A second run resumes; --fresh starts afresh. Leaves run/demo/summary.json. Exit
codes: 0 when every acknowledged record is accounted for, 1 when not or when a part ended too often, 130 when it was stopped
before there was traffic, 2, 75 or 78 when it could not start.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry, machine
from pipelines.flows import demo
from pipelines.local.project import HERE
from pipelines.local.supervisor import StopAsked
from pipelines.simulate.inject import HELP


def main(
    seconds: Annotated[float | None, typer.Option("--for", help="stop after this many seconds of traffic")] = None,
    rate: Annotated[float, typer.Option(help="payments a second")] = 50.0,
    cards: Annotated[int | None, typer.Option(help="cards that the bank has issued")] = None,
    seed: Annotated[int | None, typer.Option(help="another seed, another bank")] = None,
    fresh: Annotated[bool, typer.Option(help="remove the run before this one")] = False,
    standby: Annotated[bool | None, typer.Option(help="a second hot application waits warm (1.4 to 2.1 GB)")] = None,
    inject: Annotated[list[str] | None, typer.Option(help=HELP)] = None,
    run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo"),
) -> None:
    """Run the demo."""
    try:
        demo.run(
            HERE,
            machine.settings(run, standby),
            demo.Demo(seconds, rate, cards, seed, fresh, tuple(inject or ())),
            os.environ,
            machine.setup_seconds(),
        )
    except StopAsked:
        print("stopped before there was traffic: nothing was sent, nothing is left running", file=sys.stderr)
        raise typer.Exit(130) from None


if __name__ == "__main__":
    entry.run(main)
