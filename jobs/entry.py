"""How every job starts and ends: arguments in, one clear line and an exit code out."""

import signal
import sys
from collections.abc import Callable
from threading import Event
from typing import Any

import typer

from pipelines.errors import ClearholdError


def run(main: Callable[..., Any]) -> None:
    """Run a job's main function under typer; a refusal becomes one line on stderr and its exit code."""
    try:
        typer.run(main)
    except ClearholdError as problem:
        print(f"clearhold: {problem}", file=sys.stderr)
        sys.exit(problem.exit_code)


def stopping() -> Callable[[], bool]:
    """A question that SIGTERM or SIGINT answers with yes."""
    asked = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    return asked.is_set
