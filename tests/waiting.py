"""Waiting for what runs elsewhere, and telling how it went."""

import time
from collections.abc import Callable
from typing import Final

SECONDS: Final = 900.0


def say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def until(done: Callable[[], bool], what: str, seconds: float = SECONDS) -> float:
    """Seconds it took."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < seconds, what
        time.sleep(2)
    return time.monotonic() - began
