"""Recompute logged features and compare. Runs on Spark 4.3.0 (.venv-hot); `make parity` starts it.

usage: python -m jobs.compare_features --logged FILE --out FILE [--memory 2g]

Reads one Parquet file of logged events (pipelines/check/parity.py), leaves what was found as JSON in --out, whole or not at all.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.check import parity
from pipelines.files import put_json
from pipelines.flows import hot_runtime


def main(
    logged: Annotated[Path, typer.Option(help="Parquet file of logged events")],
    out: Annotated[Path, typer.Option(help="JSON file for what is found")],
    memory: Annotated[str, typer.Option(help="memory of the Spark driver")] = "2g",
) -> None:
    """Compare."""
    with hot_runtime.opened("parity", memory) as spark:
        put_json(out, parity.compare(spark, logged))


if __name__ == "__main__":
    entry.run(main)
