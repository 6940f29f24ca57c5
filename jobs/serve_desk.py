"""Serve the desk: the queue, cases, answers of cardholders; send messages and verdicts. Runs in the lake's environment (.venv).

usage: python -m jobs.serve_desk --config run/demo/settings.yaml (or `make desk RUN=run/demo`)

Follows the topics `decisions` and `signals`. At its first start it prints how to come in. SIGTERM or SIGINT stops it. Exit code
78 when it would be open to others without protection, or another desk works on the run.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.flows import desk


def main(settings: Annotated[Path, typer.Option("--config", help="settings file (YAML) of the run")]) -> None:
    """Serve."""
    desk.run(config.load(settings), entry.stopping())


if __name__ == "__main__":
    entry.run(main)
