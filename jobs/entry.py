"""How every job starts and ends: arguments in, one clear line and an exit code out."""

import signal
import sys
from collections.abc import Callable
from threading import Event
from typing import Any, Final

import typer

from pipelines.errors import ClearholdError

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def run(main: Callable[..., Any]) -> None:
    """Run a job's main function under typer; a refusal becomes one line on stderr and its exit code."""
    try:
        typer.run(main)
    except ClearholdError as problem:
        print(f"clearhold: {problem}", file=sys.stderr)
        sys.exit(problem.exit_code)


def seconds(text: str) -> float:
    """A length of time such as 90s, 30m, 24h or 7d, in seconds.

    Raises:
        typer.BadParameter: it is none.
    """
    try:
        number, unit = float(text[:-1]), _UNITS[text[-1:]]
    except (ValueError, KeyError) as problem:
        raise typer.BadParameter(f"{text!r} is no length of time: write 90s, 30m, 24h or 7d") from problem
    if not 0 < number < float("inf"):
        raise typer.BadParameter(f"{text!r} is no length of time: it must be above 0")
    return number * unit


def stopping() -> Callable[[], bool]:
    """A question that SIGTERM or SIGINT answers with yes."""
    asked = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    return asked.is_set
