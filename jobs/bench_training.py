"""Time the trainer and the model on this machine. Runs in the lake's environment (.venv).

usage: python -m jobs.bench_training [--rows 100000] [--out run] (or `make bench TRAINING=1`)

Leaves bench-training.json in --out.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.flows import bench_training


def main(
    rows: Annotated[int, typer.Option(min=1000, help="payments to learn from")] = 100_000,
    out: Annotated[Path, typer.Option(help="folder for the figures")] = Path("run"),
) -> None:
    """Fit and score made-up payments."""
    bench_training.run(rows, out)


if __name__ == "__main__":
    entry.run(main)
