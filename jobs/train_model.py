"""Train a model on a history and register it. Runs in the lake's environment (.venv).

usage: python -m jobs.train_model --config run/live/settings.yaml --history run/live/history [--promote] [--quick]
       [--logged]

Needs the model registry. Learns from transactions.parquet and signals.parquet of the history: a payment is a fraud if a verdict
that arrived says so, and only payments older than the label delay are used. Says how far it is in <run>/status/train.json.
Safe to kill: a model is registered at the end or not at all.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import training
from pipelines.train import fit


def main(
    settings: Annotated[Path, typer.Option("--config", help="settings file (YAML)")],
    history: Annotated[Path, typer.Option(help="folder with transactions.parquet and signals.parquet")],
    label_delay_days: Annotated[
        int, typer.Option(min=0, help="days after which a payment without a verdict is genuine")
    ] = 7,
    promote: Annotated[bool, typer.Option("--promote", help="let the new model serve at once")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="fewer trees, fitted once")] = False,
    logged: Annotated[
        bool, typer.Option("--logged", help="use the features that the stream logs while it takes this history in")
    ] = False,
) -> None:
    """Train a model and register it."""
    lesson = training.Lesson(history, fit.QUICK if quick else fit.FULL, label_delay_days, logged)
    training.run(config.load(settings), lesson, promote)


if __name__ == "__main__":
    entry.run(main)
