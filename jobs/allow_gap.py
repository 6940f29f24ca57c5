"""Let landing go on without records that Kafka threw away before they landed. Runs in .venv.

usage: python -m jobs.allow_gap [--gap transactions-0-1000 --why "..."] [--run run/demo] (or `make allow GAP= WHY= RUN=`)

Without a name it lists the gaps that wait. What is passed over is written down in the table `data_gaps` and shown in the books.
Exit codes: 0, 2 when there is no such gap or no reason is given.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.flows import allowing


def main(
    gap: Annotated[str | None, typer.Option(help="name of the gap")] = None,
    why: Annotated[str | None, typer.Option(help="why these records may be missing")] = None,
    run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo"),
) -> None:
    """Allow a gap."""
    allowing.run(run, gap, why, print)


if __name__ == "__main__":
    entry.run(main)
