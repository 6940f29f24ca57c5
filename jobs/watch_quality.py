"""Look at the quality of what has landed whenever so many landing batches have come. Runs in .venv, with low priority.

usage: python -m jobs.watch_quality --config run/live/settings.yaml [--every 60]

Each look is `jobs.check_quality --new` in a process of its own; this one only waits. Says how suites stand in
<run>/status/quality.json. SIGTERM or SIGINT stops it.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import quality_watch

NICENESS = 10


def main(
    settings: Annotated[Path, typer.Option("--config", help="settings file (YAML)")],
    every: Annotated[int | None, typer.Option(min=1, help="landing batches; not said, the settings say it")] = None,
) -> None:
    """Look again and again."""
    os.nice(NICENESS)
    loaded = config.load(settings)
    quality_watch.follow(loaded.paths.run, every or loaded.lake.quality_batches, entry.stopping())


if __name__ == "__main__":
    entry.run(main)
