"""Let a challenger score live traffic without acting. Runs in the hot environment (.venv-hot), beside a live run.

usage: python -m jobs.shadow_model --config run/demo/settings.yaml [--version 2] [--payments 1000] [--for 300] (or `make shadow`)

Writes what it would decide to the topic `decisions_shadow`; `make promote` holds it against the challenger's scores offline.
Ends when enough payments were scored or time is up. Exit codes: 2 when there is no challenger, 75 when the registry does not
answer.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import shadow


def main(
    settings: Annotated[Path, typer.Option("--config", help="settings file (YAML) of the run")],
    version: Annotated[
        str | None, typer.Option(help="of the challenger; default: the newest that does not serve")
    ] = None,
    payments: Annotated[int, typer.Option(min=1, help="payments that are enough")] = 1000,
    seconds: Annotated[float, typer.Option("--for", min=1, help="longest time in seconds")] = 300,
) -> None:
    """Score in the shadow."""
    shadow.run(config.load(settings), version, seconds, payments, entry.stopping())


if __name__ == "__main__":
    entry.run(main)
