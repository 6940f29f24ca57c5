"""One run a folder. The lock lies on the folder itself: it ends with its holder, however that ends, and leaves no file."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.errors import EnvironmentProblem
from pipelines.local import leftovers

PATIENCE_SECONDS = 15.0


@contextmanager
def held(run: Path, what: str = "run") -> Iterator[None]:
    """Hold the folder of a run, or of something else that only one process works on.

    Raises:
        EnvironmentProblem: another one holds it.
    """
    run.mkdir(parents=True, exist_ok=True)
    folder = os.open(run, os.O_RDONLY)
    try:
        _take(run, folder, what)
        yield
    finally:
        os.close(folder)


def _take(run: Path, folder: int, what: str) -> None:
    """A killed run's warden may be tidying up: it is given time. A living supervisor is not waited for."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _taken(folder):
        supervisor = leftovers.holder(run)
        if supervisor or time.monotonic() > deadline:
            who = f"process {supervisor}" if supervisor else "its process is not known"
            raise EnvironmentProblem(f"another {what} is active in {run} ({who}): stop it with Ctrl-C first")
        time.sleep(0.1)


def _taken(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
