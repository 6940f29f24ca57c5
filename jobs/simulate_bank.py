"""Simulated bank: live payments to Kafka, verdicts after the decisions. Runs in the lake's environment (.venv).

usage: python -m jobs.simulate_bank --config run/live/settings.yaml --history run/live/history [--rate 50] [--seconds 300]
       [--inject shift]

Needs a broker with its topics and a history folder. Stops in order at SIGTERM or SIGINT, or after --seconds or --count. Started
again it goes on behind the last payment on the broker. Says how it is in <run>/status/bank.json every second.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.simulate import live
from pipelines.simulate.inject import HELP
from pipelines.simulate.plan import Plan


def main(
    settings: Annotated[Path, typer.Option("--config", help="settings file (YAML)")],
    history: Annotated[Path, typer.Option(help="folder with the history of the bank")],
    rate: Annotated[float, typer.Option(help="payments a second, open loop")] = 50.0,
    seconds: Annotated[float | None, typer.Option(help="send what is due in this time, then stop")] = None,
    count: Annotated[int | None, typer.Option(help="send this many payments, then stop")] = None,
    bad_share: Annotated[float, typer.Option(help="bad records as a share of payments")] = 0.001,
    repeat_share: Annotated[float, typer.Option(help="repeated records as a share of payments")] = 0.001,
    inject: Annotated[list[str] | None, typer.Option(help=HELP)] = None,
    analyst: Annotated[bool, typer.Option(help="simulate the analyst who looks at holds")] = True,
) -> None:
    """Send simulated payments and play the world after the decision."""
    loaded = config.load(settings)
    plan = Plan(rate, count, seconds, bad_share, repeat_share, analyst, tuple(inject or ()))
    live.run(history, loaded.kafka.bootstrap, loaded.paths.status / "bank.json", plan, entry.stopping())


if __name__ == "__main__":
    entry.run(main)
