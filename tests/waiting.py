"""Waiting for what runs elsewhere, and telling how it went."""

import json
import time
from collections.abc import Callable
from typing import Any, Final

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


def balanced(ask: Callable[[str], str]) -> dict[str, Any]:
    """What `make account` has found once the difference is 0. `ask` lets a shell beside the run carry out a command."""
    count = ".venv/bin/python -m jobs.account --run /data/run >/dev/null 2>&1; cat /data/run/account.json 2>/dev/null || echo {}"
    found: dict[str, Any] = {}

    def is_balanced() -> bool:
        found.update(json.loads(ask(count)))
        say(f"decided {found.get('decided')}, difference {found.get('difference')}")
        return found.get("difference") == 0

    until(is_balanced, f"the books do not add up: {found}")
    return found
