"""Latency and throughput of the decision path, open loop, on one machine. Runs in .venv.

usage: python -m jobs.bench [--rate 300] [--for 600] [--cards 20000] [--swap] [--kill] [--landing] (or `make bench RATE= FOR=`)
       python -m jobs.bench --workers 2 [--processors 1] [--backlog 200000] (or `make bench WORKERS= PROCESSORS= BACKLOG=`)
       python -m jobs.bench --sweep [--for 60] (or `make bench SWEEP=1`)

Sends synthetic payments to a fresh stack from a process of its own that never slows down, and measures from when each was meant
to be sent until the broker appended its decision (the first one counts). The first --warm seconds are not measured and come on
top of --for. --swap lets another model version serve in mid-run; --kill kills the hot application with signal 9: a standby takes
over or, with --no-standby, it starts again. --workers lets it run on a cluster. --backlog measures no latency: after as many
to get warm, payments are sent while who decides is held, and then decided as fast as can be, the generator at rest. The model
is trained the first time, on a simulated bank, and kept in run/bench-model. Leaves run/bench.json and run/bench.png (a sweep:
run/sweep.json and run/sweep.png). Exit codes: 0 when every acknowledged payment is decided, 1 when not, 2 for numbers that make
no sense, 130 when it was stopped, 75 or 78 when it could not start.
"""

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry, machine
from pipelines.flows import bench, drain, sweep
from pipelines.local.project import HERE
from pipelines.local.supervisor import StopAsked


def main(
    rate: Annotated[float, typer.Option(help="payments a second")] = 300.0,
    seconds: Annotated[float | None, typer.Option("--for", help="seconds measured [600, in a sweep 60]")] = None,
    warm: Annotated[float | None, typer.Option(help="seconds before that [30, in a sweep 15]")] = None,
    cards: Annotated[int, typer.Option(help="cards that pay")] = 20_000,
    past: Annotated[int, typer.Option(help="payments of each card that the state holds before")] = 5,
    landing: Annotated[bool, typer.Option(help="let the lake land beside it")] = False,
    swap: Annotated[bool, typer.Option("--swap", help="promote another version in mid-run")] = False,
    kill: Annotated[bool, typer.Option("--kill", help="kill the hot application in mid-run")] = False,
    standby: Annotated[bool | None, typer.Option(help="a second hot application waits warm [only with --kill]")] = None,
    checkpoint_seconds: Annotated[int | None, typer.Option(help="seconds between checkpoints")] = None,
    workers: Annotated[int, typer.Option(help="decide on a Spark standalone cluster of so many workers")] = 0,
    processors: Annotated[int | None, typer.Option(help="processors that the workers share [all]")] = None,
    backlog: Annotated[
        int, typer.Option(help="payments that wait while who decides is held: how fast they are decided then")
    ] = 0,
    sweeping: Annotated[bool, typer.Option("--sweep", help="many rates, 10 thousand to 1 million cards")] = False,
    run: Annotated[Path, typer.Option(help="folder of the run; cleared")] = Path("run/bench"),
) -> None:
    """Measure."""
    settings = machine.settings(run, kill if standby is None else standby, checkpoint_seconds)
    command = f"python -m jobs.bench {shlex.join(sys.argv[1:])}".rstrip()
    out = run.parent / ("sweep.json" if sweeping else "bench.json")
    ground = bench.Ground(HERE, settings, os.environ, command, out)
    try:
        if sweeping:
            sweep.run(ground, sweep.Sweep(seconds or 60, 15 if warm is None else warm, past, landing))
        else:
            length = (rate, 600 if seconds is None else seconds, 30 if warm is None else warm)
            asked = bench.Bench(*length, cards, past, landing, swap, kill, bench.Workers(workers, processors))
            drain.run(ground, asked, backlog) if backlog else bench.run(ground, asked)
    except StopAsked:
        print("stopped: nothing is left running", file=sys.stderr)
        raise typer.Exit(130) from None


if __name__ == "__main__":
    entry.run(main)
