"""What is in quarantine and why, and the way back. Runs in .venv.

usage: python -m jobs.quarantine [--run run/demo] [--reason CODE [--most 20]] (or `make quarantine RUN= REASON=`)
       python -m jobs.quarantine --replay CODE [--set FIELD=VALUE] [--drop FIELD] [--rename OLD=NEW]
       (or `make quarantine REPLAY= SET= DROP= RENAME=`)

Without a reason: every reason with how many records it was given. With one: the latest of its records, masked. `whole` are
those whose bytes are as they were sent: only these can be put back. --replay sends the records of a reason to their topic again,
changed as asked, if they would pass now, each once; the run must be live. Exit codes: 0, 2 when there is no run, no such reason
or no such change, 75 when the broker did not take them all, 78 when somebody else is at it.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs import entry
from pipelines.errors import UsageError
from pipelines.flows import repairing
from pipelines.ingest.admission import MEANING
from pipelines.land.repair import Edits
from pipelines.local import landed
from pipelines.monitor import refusals


def main(
    run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo"),
    reason: Annotated[str | None, typer.Option(help="list the records of one reason")] = None,
    most: Annotated[int, typer.Option(min=1, help="records to list")] = 20,
    replay: Annotated[str | None, typer.Option(help="put the records of one reason back")] = None,
    put: Annotated[list[str] | None, typer.Option("--set", help="FIELD=VALUE, JSON or text")] = None,
    drop: Annotated[list[str] | None, typer.Option(help="field to leave out")] = None,
    rename: Annotated[list[str] | None, typer.Option(help="OLD=NEW")] = None,
) -> None:
    """List what was refused, or put it back."""
    lake = landed.require(run)
    if replay:
        known(replay)
        edits = Edits(dict(pairs(rename)), frozenset(drop or ()), {name: value(text) for name, text in pairs(put)})
        repairing.run(run, replay, edits, print)
        return
    if reason is None:
        print(refusals.words(refusals.by_reason(lake)))
        return
    known(reason)
    print(f"{reason}: {MEANING[reason]}\n\n{refusals.lines(refusals.of(lake, reason, most))}")


def known(reason: str) -> None:
    """Refuse a reason that is none."""
    if reason not in MEANING:
        raise UsageError(f"{reason} is no reason: there are {', '.join(sorted(MEANING))}")


def pairs(texts: Iterable[str] | None) -> list[tuple[str, str]]:
    """NAME=TEXT, taken apart."""
    found = [text.partition("=") for text in texts or ()]
    if wrong := [name for name, equals, _ in found if not name or not equals]:
        raise UsageError(f"{wrong[0] or '='}: say FIELD=VALUE")
    return [(name, text) for name, _, text in found]


def value(text: str) -> Any:
    """A value as JSON, or as the text that it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


if __name__ == "__main__":
    entry.run(main)
