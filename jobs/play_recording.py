"""A recorded data set to Kafka, open loop, chargebacks included. Runs in the lake's environment (.venv).

usage: python -m jobs.play_recording --config run/live/settings.yaml --data x.parquet --mapping conf/sources/x.yaml [--rate 500]

Needs a broker with its topics. Event times stay as recorded; `sent_at_ms` is when a payment was meant to be sent. Starts at the
beginning of the recording or at --since; started again it starts there again. Stops in order at SIGTERM or SIGINT, after --count
payments, or at the end. Says how it is in <run>/status/player.json every second.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import playing
from pipelines.flows.playing import Playing


def main(
    settings: Annotated[Path, typer.Option("--config", help="settings file (YAML)")],
    data: Annotated[Path, typer.Option(help="Parquet or CSV file, or a folder of Parquet files")],
    mapping: Annotated[Path, typer.Option(help="mapping file (YAML): what its columns mean")],
    rate: Annotated[float, typer.Option(help="payments a second")] = 500.0,
    label_delay_days: Annotated[int, typer.Option(min=0, help="days until a fraud is known")] = 7,
    since: Annotated[datetime | None, typer.Option(help="first event time, UTC")] = None,
    count: Annotated[int | None, typer.Option(help="payments to send; all without it")] = None,
) -> None:
    """Play a recording."""
    begin = since.replace(tzinfo=UTC) if since else None
    playing.run(config.load(settings), Playing(data, mapping, rate, label_delay_days, begin, count), entry.stopping())


if __name__ == "__main__":
    entry.run(main)
