"""Offline evaluation on a recorded data set. Runs in the lake's environment (.venv); needs no broker and no registry.

usage: python -m jobs.backtest_model --data x.parquet --mapping conf/sources/x.yaml --train-from 2018-05-11
       --train-until 2018-08-01 --test-from 2018-08-08 --test-until 2018-08-15 [--label-delay-days 7] --out run/backtest

Dates are UTC, from inclusive, until exclusive. Leaves metrics.json, scores.parquet (transaction_id, event_time, score, label) and
pictures in --out. Features are kept in --features (default: below --out) and reused by a backtest that ends on the same day
or an earlier one.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.config import Lake
from pipelines.flows import backtest
from pipelines.train import fit


def main(
    data: Annotated[Path, typer.Option(help="Parquet or CSV file, or a folder of Parquet files")],
    mapping: Annotated[Path, typer.Option(help="mapping file (YAML): what its columns mean")],
    train_from: Annotated[datetime, typer.Option(help="first day to learn from")],
    train_until: Annotated[datetime, typer.Option(help="day before which learning ends")],
    test_from: Annotated[datetime, typer.Option(help="first day to be judged on")],
    test_until: Annotated[datetime, typer.Option(help="day before which judging ends")],
    out: Annotated[Path, typer.Option(help="folder for the results")] = Path("run/backtest"),
    label_delay_days: Annotated[int, typer.Option(min=0, help="days until a fraud is known")] = 7,
    features: Annotated[Path | None, typer.Option(help="folder in which computed features are kept")] = None,
    memory: Annotated[str, typer.Option(help="memory of the Spark driver")] = "4g",
    quick: Annotated[bool, typer.Option("--quick", help="fewer trees, fitted once")] = False,
) -> None:
    """Train on the past, judge on what came after."""
    dates = (train_from, train_until, test_from, test_until)
    plan = backtest.Plan(data, mapping, *dates, label_delay_days, out, features or out / "features")
    backtest.run(plan, Lake(driver_memory=memory), fit.QUICK if quick else fit.FULL)


if __name__ == "__main__":
    entry.run(main)
