"""Work that comes back every so often, each time in a process of its own: between two rounds nothing of it is in memory."""

import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Final

POLL_SECONDS: Final = 0.2


def keep(
    command: Sequence[str], seconds: float, stopping: Callable[[], bool], say: Callable[[str], None] = print
) -> None:
    """Run a command every so many seconds, the first time after as many, until `stopping` says so.

    One that fails is told, and tried again next time.

    Args:
        command: program and arguments.
        seconds: from the end of a round to the next.
        stopping: asked all the time; a round that is under way is then asked to end.
        say: told what failed.
    """
    while not _waited(seconds, stopping):
        code = _run(command, stopping)
        if code and not stopping():
            say(f"this round ended with exit code {code}; the next one is in {seconds:g} s")


def _waited(seconds: float, stopping: Callable[[], bool]) -> bool:
    """Wait; whether it was cut short."""
    until = time.monotonic() + seconds
    while not stopping() and time.monotonic() < until:
        time.sleep(POLL_SECONDS)
    return stopping()


def _run(command: Sequence[str], stopping: Callable[[], bool]) -> int:
    with subprocess.Popen(command) as job:
        while job.poll() is None and not stopping():
            time.sleep(POLL_SECONDS)
        if job.poll() is None:
            job.terminate()
        return job.wait()
