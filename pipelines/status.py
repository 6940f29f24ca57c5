"""How a process is, in a small JSON file that others read: `<run>/status/<name>.json`."""

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pipelines.files import put

STALE_SECONDS: Final = 15.0
"""A process that has said nothing for so long is gone: each says something every second or so."""
ENDED: Final = ("stopped", "failed")


def report(file: Path, state: str, message: str, **facts: Any) -> None:
    """Write the state whole or not at all.

    Args:
        file: where; its folder is made.
        state: starting, warming, open, stopped or failed.
        message: one line for a person.
        facts: numbers and names for whoever watches.
    """
    put(file, json.dumps({"state": state, "message": message, "at": time.time(), "pid": os.getpid()} | facts))


def look(file: Path) -> dict[str, Any]:
    """What a process last said of itself; empty when it has said nothing yet."""
    try:
        said: dict[str, Any] = json.loads(file.read_text())
        return said
    except (OSError, ValueError):
        return {}


def runs(said: Mapping[str, Any], now: float) -> bool:
    """Whether a process that last said this is still there."""
    return now - said.get("at", 0.0) <= STALE_SECONDS and said.get("state") not in ENDED
