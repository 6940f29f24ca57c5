"""What is in quarantine and why. Runs in .venv.

usage: python -m jobs.quarantine [--run run/demo] [--reason CODE [--most 20]] (or `make quarantine RUN= REASON=`)

Without a reason: every reason with how many records it was given. With one: the latest of its records, masked. `whole` are
those whose bytes are as they were sent. Exit codes: 0, or 2 when there is no run or no such reason.
"""

from pathlib import Path
from typing import Annotated

import typer

from jobs import entry
from pipelines.errors import UsageError
from pipelines.local import landed
from pipelines.monitor import refusals


def main(
    run: Annotated[Path, typer.Option(help="folder of the run")] = Path("run/demo"),
    reason: Annotated[str | None, typer.Option(help="list the records of one reason")] = None,
    most: Annotated[int, typer.Option(min=1, help="records to list")] = 20,
) -> None:
    """List what was refused."""
    lake = run / "lake"
    if not landed.records(lake):
        raise UsageError(f"no run has landed anything in {run}: start one with `make demo`, or name another with RUN=")
    if reason is None:
        print(refusals.words(refusals.by_reason(lake)))
        return
    if reason not in refusals.MEANING:
        raise UsageError(f"{reason} is no reason: there are {', '.join(sorted(refusals.MEANING))}")
    print(f"{reason}: {refusals.MEANING[reason]}\n\n{refusals.lines(refusals.of(lake, reason, most))}")


if __name__ == "__main__":
    entry.run(main)
