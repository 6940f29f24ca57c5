"""Let the model serve that served before. Runs in the lake's environment (.venv), beside a live run.

usage: python -m jobs.roll_back_model [--run run/demo] (or `make rollback RUN=run/demo`)

Running streams pick it up within seconds, without a restart. Again for the one before that. Exit codes: 2 when no other version
has served before, 75 when the registry does not answer.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config, registry


def main(run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo")) -> None:
    """Move the champion back."""
    settings = config.load(run / "settings.yaml").registry
    before = registry.champion_version(settings)
    print(f"version {registry.rollback(settings)} of {settings.model} serves again, instead of {before}")


if __name__ == "__main__":
    entry.run(main)
