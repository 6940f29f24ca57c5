"""Tables, columns and topics by a word in names and comments. Runs in .venv.

usage: python -m jobs.search_catalogue [--search WORD] [--run run/demo] [--json] (or `make catalogue SEARCH=word RUN= JSON=1`)

Shows type, comment with unit, owner, rows, last write and lineage (which job writes it from what). Without a word: every table
and topic. Works without a run: then nothing has rows. Exit codes: 0, 1 when nothing was found.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines import config
from pipelines.local import landed
from pipelines.monitor import catalogue


def main(
    search: Annotated[str, typer.Option(help="what to look for")] = "",
    run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo"),
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of words")] = False,
) -> None:
    """Search the catalogue."""
    lake = config.lake_of(run)
    found = catalogue.search(lake, landed.rows(lake), search.strip())
    print(json.dumps(found.facts(), indent=2) if as_json else catalogue.words(found))
    if not found.tables and not found.topics:
        raise typer.Exit(1)


if __name__ == "__main__":
    entry.run(main)
