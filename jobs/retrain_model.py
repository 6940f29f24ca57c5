"""Retrain on a schedule and on evidence: train, shadow, gate; promote, or explain why not. Runs in .venv, beside a live run.

usage: python -m jobs.retrain_model [--run run/demo] [--every 24h] [--quick] (or `make retrain RUN=run/demo EVERY=24h`)

Without --every one round, now, for a run that has landed something. With it a round begins that long after the last one began,
and as soon as `make watch` raises something new. Waits, and says so, while the registry or the lake does not answer, the lake is
empty or a quality suite fails. Safe to kill at any point: the next start goes on where this one was. Leaves retrain/rounds.json
in the run's folder. Exit codes of a single round: 0 promoted, 1 refused or failed, 2 when nothing has landed, 78 when another
retraining is at work in this run.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import model_watch, retraining
from pipelines.local import landed
from pipelines.local.project import HERE
from pipelines.local.screen import Screen


def main(
    run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo"),
    every: Annotated[
        float | None, typer.Option(parser=entry.seconds, metavar="TIME", help="between two rounds: 90s, 30m, 24h, 7d")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="fewer trees, fitted once")] = False,
) -> None:
    """Train, judge and promote."""
    if every is None:
        landed.require(run)
    plan = retraining.Plan(every, retraining.programs(HERE, run.absolute(), quick), lambda: model_watch.raised(run))
    screen = Screen(run / "logs" / "retrain.log")
    retraining.run(config.load(run / "settings.yaml"), HERE.root, plan, os.environ, screen)


if __name__ == "__main__":
    entry.run(main)
