"""The gate: may a challenger serve in the champion's place? Runs in the lake's environment (.venv), beside a live run.

usage: python -m jobs.promote_model [--run run/demo] [--version 2] [--dry] (or `make promote RUN=run/demo`)

Compares both on later days with known outcomes, by segment, with intervals, and with what the challenger said about live traffic
in the shadow (`make shadow`). Leaves gate/<version>/report.md, verdict.json and comparison.png in the run's folder, and tags in
the registry. Exit codes: 0 when it passed, 1 when it was refused, 2 when there is nothing to compare, 75 when the registry does
not answer.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import promoting
from pipelines.local import landed
from pipelines.local.screen import Screen


def main(
    run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo"),
    version: Annotated[str | None, typer.Option(help="of the challenger; default: the newest not refused yet")] = None,
    dry: Annotated[bool, typer.Option("--dry", help="only judge")] = False,
) -> None:
    """Judge, and promote what passes."""
    landed.require(run)
    promoting.run(config.load(run / "settings.yaml"), version, Screen(run / "logs" / "gate.log"), dry)


if __name__ == "__main__":
    entry.run(main)
