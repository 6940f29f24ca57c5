"""Remove a card from every table of the lake and from its past, and prove that it is gone. Runs in .venv.

usage: python -m jobs.forget_card --card TOKEN [--run run/demo] (or `make forget CARD= RUN=`)

The run must be stopped (and is held meanwhile): every past version is removed at once, and what somebody is about to write
would be removed with it. Rows of the card go; raw and refused records keep their place without bytes; how its payments had ended
is noted in `erasures`, without the card, so that `make account` adds up. Then every file below lake/ is read. Says where the
card may still be: Kafka, the stream's state, files of the run. After a crash run it again. Exit codes: 0 when it is gone, 1 when
it was still found, 2 when there is no such run or nothing of the card (also: forgotten already), 78 when the run is live or its
tables are worked at.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.flows import forgetting


def main(
    card: Annotated[str, typer.Option(help="token of the card, as in card_id")] = "",
    run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo"),
) -> None:
    """Forget a card."""
    forgetting.run(run, card)


if __name__ == "__main__":
    entry.run(main)
