"""How a process is, in a small JSON file that others read: `<run>/status/<name>.json`."""

import json
import os
import time
from pathlib import Path
from typing import Any

from pipelines.files import put


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
