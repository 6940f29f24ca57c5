"""Load for a benchmark: synthetic payments to Kafka, open loop. Runs in the lake's environment (.venv).

usage: python -m jobs.send_load --config run/bench/settings.yaml --cards 20000 --start-ms 1700000000000 --rate 300 --count 9000

Needs a broker with its topics. Never slows down: `sent_at_ms` is when a payment was meant to be sent. Stops in order at SIGTERM
or SIGINT, or after --count payments. Says how it is in <run>/status/load.json every second.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.simulate import load
from pipelines.simulate.crowd import Crowd


def main(
    settings: Annotated[Path, typer.Option("--config", help="settings file (YAML)")],
    cards: Annotated[int, typer.Option(help="cards that pay")],
    start_ms: Annotated[int, typer.Option(help="event time of payment 0, epoch milliseconds")],
    rate: Annotated[float, typer.Option(help="payments a second")],
    count: Annotated[int, typer.Option(help="payments to send")],
    first: Annotated[int, typer.Option(help="number of the first payment")] = 0,
) -> None:
    """Send payments of a crowd."""
    loaded = config.load(settings)
    crowd = Crowd(cards, start_ms)
    load.run(crowd, first, count, rate, loaded.kafka.bootstrap, loaded.paths.status / "load.json", entry.stopping())


if __name__ == "__main__":
    entry.run(main)
