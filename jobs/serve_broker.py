"""A Kafka broker of one node for other containers, in the foreground. Runs in the lake's environment (.venv).

usage: python -m jobs.serve_broker --folder /data/kafka --host kafka [--port 9092] [--outside 127.0.0.1:19092]

Formats the folder the first time, then becomes the broker. `--outside` is what clients on the machine itself are told; the broker
listens for them on the port that is named there.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.local import java
from pipelines.local.broker import Broker
from pipelines.local.project import HERE

CONTROLLER_PORT = 9093


def main(
    folder: Annotated[Path, typer.Option(help="where records are kept")],
    host: Annotated[str, typer.Option(help="name by which other containers reach it")],
    port: Annotated[int, typer.Option(help="port for them")] = 9092,
    outside: Annotated[str | None, typer.Option(help="host:port by which the machine itself reaches it")] = None,
) -> None:
    """Be a broker until told to stop."""
    listeners = {"PLAINTEXT": (f"0.0.0.0:{port}", f"{host}:{port}")}
    if outside:
        listeners["HOST"] = (f"0.0.0.0:{outside.rpartition(':')[2]}", outside)
    runtime = java.require(HERE, os.environ)
    broker = Broker(folder, port, CONTROLLER_PORT, runtime, HERE.jars, listeners)
    broker.prepare()
    command = broker.program().command
    os.execv(command[0], command)


if __name__ == "__main__":
    entry.run(main)
