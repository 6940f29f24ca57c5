"""Train a model and register it. Runs in the lake's environment (.venv).

usage: python -m jobs.train_model --config run/demo/settings.yaml [--history run/demo/history [--logged]] [--promote] [--quick]
       [--compare] [--round NAME] (or `make train RUN=run/demo`)

Needs the model registry. Learns from what has landed in the run, or from transactions.parquet and signals.parquet of a history: a
payment is a fraud if the most trusted verdict says so, and only payments old enough for that to be known are used. Says how
far it is in <run>/status/train.json. Safe to kill: a model is registered at the end or not at all.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.errors import UsageError
from pipelines.flows import training, tuning
from pipelines.train import fit
from pipelines.train.intervals import DRAWS


def main(
    settings: Annotated[Path, typer.Option("--config", help="settings file (YAML) of the run")],
    history: Annotated[
        Path | None, typer.Option(help="folder with transactions.parquet and signals.parquet, instead of the lake")
    ] = None,
    label_delay_days: Annotated[
        int | None,
        typer.Option(min=0, help="age from which on an outcome counts as known; default: what the labels say"),
    ] = None,
    promote: Annotated[bool, typer.Option("--promote", help="let the new model serve at once")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="fewer trees, fitted once, figures without intervals")] = False,
    tuned: Annotated[bool, typer.Option("--tuned", help="fit as the best trial of a search did (`make tune`)")] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="learn in other ways too, and say how good they are")
    ] = False,
    name: Annotated[str | None, typer.Option("--round", help="round of retraining that the model is of")] = None,
    logged: Annotated[
        bool, typer.Option("--logged", help="use the features that the stream logs while it takes this history in")
    ] = False,
) -> None:
    """Train and register a model."""
    run = config.load(settings)
    if quick and tuned:
        raise UsageError("--quick and --tuned ask for different ways to fit: choose one")
    profile, resamples = (fit.QUICK, 0) if quick else (fit.FULL, DRAWS)
    if tuned:
        profile = tuning.tuned(run.paths.run)
    lesson = training.Lesson(profile, history, label_delay_days, logged, compare, resamples, name)
    training.run(run, lesson, promote)


if __name__ == "__main__":
    entry.run(main)
