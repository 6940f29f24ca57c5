"""A recorded data set through the whole live path, on one machine. Runs in .venv.

usage: python -m jobs.replay --data x.parquet --mapping conf/sources/x.yaml [--rate 500] [--for SECONDS] (or `make replay`)

The champion of run/demo decides (or of the run that --registry-from names) if it fits the present features. Otherwise the first
30 days (or --train-days) are history: a first model is trained on them, they fill the stream's state, and what comes after is
replayed. History keeps whole cards, so many that it has about --history-payments payments: the live part also has cards without
a past. A recording too short for that, or without labels, is decided by a model trained on a simulated bank. Frauds come back as
chargebacks, --label-delay-days later in event time. Every run starts afresh. Ctrl-C stops everything in order within 15 s.
Leaves <run>/summary.json. Exit codes: 0 when every acknowledged record is accounted for, 1 when not or when a part ended too
often, 2 when data, mapping or numbers do not fit, 130 when it was stopped before there was traffic, 75 or 78 when it could not
start.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry, machine
from pipelines.errors import UsageError
from pipelines.flows import replay
from pipelines.flows.opening import Replay
from pipelines.local.project import HERE
from pipelines.local.supervisor import StopAsked


def main(
    data: Annotated[Path | None, typer.Option(help="Parquet or CSV file, or a folder of Parquet files")] = None,
    mapping: Annotated[Path | None, typer.Option(help="mapping file (YAML): what its columns mean")] = None,
    rate: Annotated[float, typer.Option(help="payments a second")] = 500.0,
    seconds: Annotated[float | None, typer.Option("--for", help="stop after this many seconds of traffic")] = None,
    label_delay_days: Annotated[int, typer.Option(min=0, help="days until a fraud is known")] = 7,
    train_days: Annotated[int | None, typer.Option(min=0, help="first days to train on; 0 for none")] = None,
    history_payments: Annotated[int, typer.Option(help="about the most that history may hold")] = 60_000,
    registry_from: Annotated[Path | None, typer.Option(help="run whose champion decides")] = None,
    standby: Annotated[bool | None, typer.Option(help="a second hot application waits warm (1.4 to 2.1 GB)")] = None,
    run: Annotated[Path, typer.Option("--run", "--out", help="folder of the run; cleared")] = Path("run/replay"),
) -> None:
    """Replay a recorded data set."""
    if data is None or mapping is None:
        raise UsageError(
            "nothing to replay: give DATA=file.parquet and MAPPING=conf/sources/x.yaml (--data and --mapping)"
        )
    lender, named = registry_from or HERE.root / "run" / "demo", registry_from is not None
    asked = Replay(data, mapping, lender, rate, seconds, label_delay_days, train_days, history_payments, named)
    try:
        replay.run(HERE, machine.settings(run, standby), asked, os.environ, machine.setup_seconds())
    except StopAsked:
        print("stopped before there was traffic: nothing was sent, nothing is left running", file=sys.stderr)
        raise typer.Exit(130) from None


if __name__ == "__main__":
    entry.run(main)
