"""Past of the simulated bank: files for the trainer, records for the stream's state. Runs in the lake's environment (.venv).

usage: python -m jobs.write_history --config run/demo/settings.yaml --folder run/demo/history [--cards 1000] [--seed 7]

Writes the files first, then sends them to the topic `history` of a broker, which may still be starting. Once for a broker.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import past


def main(
    settings: Annotated[Path, typer.Option("--config", help="settings file (YAML)")],
    folder: Annotated[Path, typer.Option(help="where the files go")],
    cards: Annotated[int, typer.Option(help="cards that the bank has issued")] = past.Wanted().cards,
    seed: Annotated[int, typer.Option(help="another seed, another bank")] = past.Wanted().seed,
) -> None:
    """Make the past of a simulated bank."""
    past.make(config.load(settings), past.Wanted(seed, cards), folder)


if __name__ == "__main__":
    entry.run(main)
