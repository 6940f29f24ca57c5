"""Land what Kafka holds in Delta tables, each record once. Runs on Spark 4.2.0 (.venv).

usage: python -m jobs.land_events --config run/live/settings.yaml

Writes the tables of <run>/lake and the topic `quarantine`. SIGTERM or SIGINT stops it; after a crash start it again. One
landing job a checkpoint: a second one refuses with exit code 78.
"""

import logging
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import landing


def main(settings: Annotated[Path, typer.Option("--config", help="settings file (YAML)")]) -> None:
    """Land until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("kafka").setLevel(logging.WARNING)
    logging.getLogger("py4j").setLevel(logging.WARNING)
    landing.run(config.load(settings), entry.stopping())


if __name__ == "__main__":
    entry.run(main)
