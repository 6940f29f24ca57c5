"""Recompute logged features and compare. Runs on Spark 4.3.0 (.venv-hot); `make parity` starts it.

usage: python -m jobs.compare_features --logged FILE --out FILE [--memory 2g]

Reads one Parquet file of logged events (pipelines/check/parity.py), leaves what was found as JSON in --out, whole or not at all.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import session
from pipelines.check import parity
from pipelines.config import Hot


def main(
    logged: Annotated[Path, typer.Option(help="Parquet file of logged events")],
    out: Annotated[Path, typer.Option(help="JSON file for what is found")],
    memory: Annotated[str, typer.Option(help="memory of the Spark driver")] = "2g",
) -> None:
    """Compare."""
    spark = session.hot(Hot(master="local[2]", driver_memory=memory, state_partitions=8), "clearhold-parity")
    try:
        found = parity.compare(spark, logged)
    finally:
        spark.stop()
    part = out.with_suffix(".part")
    part.write_text(json.dumps(found, indent=2) + "\n")
    part.replace(out)


if __name__ == "__main__":
    entry.run(main)
