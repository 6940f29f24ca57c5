"""Watch the model in service and the data that it gets. Runs in the lake's environment (.venv), with low priority.

usage: python -m jobs.watch_model --config run/demo/settings.yaml [--every 1h] [--strict] (or `make watch RUN=run/demo`)

Features and score against what the model was trained on, fields of raw records, alert rate, precision of alerts, missing values,
volume. Leaves rows in the table `watch`, watch.json, metrics/watch.prom and watch/drift.png in the run's folder. With --every it
looks again and again, until SIGTERM or SIGINT. Exit code 0 when it looked; with --strict 1 when something is not as usual.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import model_watch
from pipelines.monitor import findings

NICENESS = 10


def main(
    settings: Annotated[Path, typer.Option("--config", help="settings file (YAML) of the run")],
    every: Annotated[
        float | None, typer.Option(parser=entry.seconds, metavar="TIME", help="between two looks: 90s, 30m, 24h, 7d")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="exit code 1 when something is not as usual")] = False,
) -> None:
    """Look."""
    os.nice(NICENESS)
    loaded = config.load(settings)
    if every is not None:
        model_watch.follow(loaded, every, entry.stopping())
        return
    from pipelines.flows import watching  # large: whoever only waits does without

    look = watching.run(loaded.paths.run)
    print(findings.report(look.found))
    sys.exit(strict and bool(findings.raised(look.found)))


if __name__ == "__main__":
    entry.run(main)
