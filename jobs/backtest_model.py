"""Offline evaluation on a recorded data set. Runs in the lake's environment (.venv); needs no broker and no registry.

usage: python -m jobs.backtest_model --data x.parquet --mapping conf/sources/x.yaml --train-from 2018-05-11
       [--train-until 2018-08-01] --test-from 2018-08-08 --test-until 2018-09-05 [--fold-days 7] --out run/backtest

Dates are UTC, from inclusive, until exclusive. With --fold-days, test days are judged so many at a time, each time with a
model that knew what was known when they began. Leaves metrics.json, scores.parquet (transaction_id, event_time, score, label) and
pictures in --out. Features are kept in --features (default: below --out) and reused by a backtest that ends on the same day or
an earlier one.
Exit codes: 1 when the result is too good to be true (--leak-above), 2 when data or dates do not allow it.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.config import Lake
from pipelines.flows import backtest
from pipelines.rules import policy
from pipelines.train import fit
from pipelines.train.intervals import DRAWS


def main(
    data: Annotated[Path, typer.Option(help="Parquet or CSV file, or a folder of Parquet files")],
    mapping: Annotated[Path, typer.Option(help="mapping file (YAML): what its columns mean")],
    test_from: Annotated[datetime, typer.Option(help="first day to be judged on")],
    test_until: Annotated[datetime, typer.Option(help="day before which judging ends")],
    train_from: Annotated[datetime | None, typer.Option(help="first day to learn from")] = None,
    train_days: Annotated[
        int | None, typer.Option(min=2, help="instead: learn from the latest so many days with known labels")
    ] = None,
    train_until: Annotated[
        datetime | None, typer.Option(help="day before which learning ends; default: where labels are not known yet")
    ] = None,
    fold_days: Annotated[
        int | None, typer.Option(min=1, help="judge so many days at a time; default: all at once")
    ] = None,
    out: Annotated[Path, typer.Option(help="folder for the results")] = Path("run/backtest"),
    label_delay_days: Annotated[int, typer.Option(min=0, help="days until a fraud is known")] = 7,
    features: Annotated[Path | None, typer.Option(help="folder in which computed features are kept")] = None,
    rules: Annotated[Path, typer.Option("--policy", help="policy file: thresholds and costs")] = Path(
        "conf/policy.yaml"
    ),
    leak_above: Annotated[float | None, typer.Option(help="average precision that is taken for a leak")] = None,
    memory: Annotated[str, typer.Option(help="memory of the Spark driver")] = "4g",
    compare: Annotated[
        bool, typer.Option("--compare", help="learn in other ways too, and say how good they are")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="fewer trees, fitted once, figures without intervals")] = False,
) -> None:
    """Train on the past, judge on what came after."""
    profile, resamples = (fit.QUICK, 0) if quick else (fit.FULL, DRAWS)
    plan = backtest.Plan(
        data,
        mapping,
        train_from,
        train_until,
        test_from,
        test_until,
        label_delay_days,
        out,
        features or out / "features",
        train_days,
        fold_days,
        compare,
        resamples,
        leak_above,
    )
    backtest.run(plan, Lake(driver_memory=memory), profile, policy.read(rules))


if __name__ == "__main__":
    entry.run(main)
