"""Search for how to fit. Runs in the lake's environment (.venv), beside a live run.

usage: python -m jobs.tune_model --config run/demo/settings.yaml [--method bayes] [--trials 20] (or `make tune`)

Judges on validation folds inside the training days, never on test days. Leaves trials in MLflow, tuning/study.db and
tuning/best.json in the run's folder; `make train TUNED=1` learns with the best. Safe to kill: started again, it goes on where
it was. Exit codes: 2 when there is too little to tune on, 75 when the registry does not answer.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import tuning


class Method(StrEnum):
    """How the next trial is proposed."""

    RANDOM = "random"
    GRID = "grid"
    BAYES = "bayes"


def main(
    settings: Annotated[Path, typer.Option("--config", help="settings file (YAML) of the run")],
    method: Annotated[Method, typer.Option(help="how the next trial is proposed")] = Method.BAYES,
    trials: Annotated[int, typer.Option(min=1, help="finished trials that are enough, earlier ones included")] = 20,
) -> None:
    """Search."""
    tuning.run(config.load(settings), method.value, trials)


if __name__ == "__main__":
    entry.run(main)
