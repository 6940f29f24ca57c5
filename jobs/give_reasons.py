"""Say how much each feature contributed to every payment that is not approved. Runs in .venv, with low priority, beside landing.

usage: python -m jobs.give_reasons --config run/live/settings.yaml

Follows the topic `decisions` and appends to the table `contributions`, each decision once, within seconds. Says how far it is in
<run>/status/reasons.json. SIGTERM or SIGINT stops it; it goes on where it was. Exit code 1 when contributions do not add up to
the score that decided.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import reasons

NICENESS = 10


def main(settings: Annotated[Path, typer.Option("--config", help="settings file (YAML) of the run")]) -> None:
    """Follow the decisions."""
    os.nice(NICENESS)
    reasons.follow(config.load(settings), entry.stopping())


if __name__ == "__main__":
    entry.run(main)
