"""Decide on payments: transactions, signals and history in, features and decisions out. Runs on Spark 4.3.0 (.venv-hot).

usage: python -m jobs.decide --config run/live/settings.yaml

Leaves its state in <run>/checkpoints and says how it is in <run>/status/hot.json. SIGTERM or SIGINT stops it in order. After
a crash, start it again: it goes on at its last checkpoint and repeats what lay behind it.
"""

import logging
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import scoring


def main(settings: Annotated[Path, typer.Option("--config", help="settings file (YAML)")]) -> None:
    """Decide on payments until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("kafka").setLevel(logging.WARNING)
    scoring.run(config.load(settings), entry.stopping())


if __name__ == "__main__":
    entry.run(main)
