"""A simulated bank beside a stack that runs: its past, a first model, live payments. Runs in the lake's environment (.venv).

usage: python -m jobs.open_bank --config conf/cluster.yaml [--rate 20] [--cards 600] [--seed 7]

The stream must wait for a history (`hot.await_history`). What was done before a restart is not done again. SIGTERM or SIGINT
stops it.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import past, visiting


def main(
    settings: Annotated[Path, typer.Option("--config", help="settings file (YAML)")],
    rate: Annotated[float, typer.Option(help="payments a second, open loop")] = 20.0,
    cards: Annotated[int, typer.Option(help="cards that the bank has issued")] = past.Wanted().cards,
    seed: Annotated[int, typer.Option(help="another seed, another bank")] = past.Wanted().seed,
) -> None:
    """Be a bank until told to stop."""
    visiting.run(settings, config.load(settings), past.Wanted(seed, cards), rate, entry.stopping())


if __name__ == "__main__":
    entry.run(main)
