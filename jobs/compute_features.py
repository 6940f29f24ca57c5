"""Compute the features of past payments. Runs on Spark 4.3.0 (.venv-hot); training and backtests start it.

usage: python -m jobs.compute_features --tables FOLDER --out FOLDER --until EPOCH_MILLISECONDS [--memory 2g]

Reads transactions.parquet and signals.parquet, leaves Parquet files with one row a payment and one column a feature. `_SUCCESS`
in --out says that it is whole; it can be started again at any time.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.flows import backfill


def main(
    tables: Annotated[Path, typer.Option(help="folder with transactions.parquet and signals.parquet")],
    out: Annotated[Path, typer.Option(help="folder for the features; replaced")],
    until: Annotated[int, typer.Option(help="nothing from this time on is read, epoch milliseconds")],
    memory: Annotated[str, typer.Option(help="memory of the Spark driver")] = "2g",
) -> None:
    """Compute the features of past payments."""
    backfill.run(tables, out, until, memory)


if __name__ == "__main__":
    entry.run(main)
