"""The watch over model and data, again and again. Whoever waits is small: each look is a process of its own.

Data problems and drift differ in what can be done: `raised` names what another model may mend.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pipelines import status
from pipelines.config import Settings
from pipelines.monitor.findings import ALERTS, FEATURE, PRECISION, SCORE

NAME: Final = "watch"
"""Of the program, its log, its status and what it leaves."""
POLL_SECONDS: Final = 1.0
MENDED_BY_TRAINING: Final = (FEATURE, SCORE, ALERTS, PRECISION)


def follow(settings: Settings, every: float, stopping: Callable[[], bool]) -> None:
    """Look every so many seconds, each time in a process of its own, until `stopping` says so. Status in status/watch.json."""
    place, trouble = settings.paths.run, ""
    said, due = settings.paths.status / f"{NAME}.json", time.monotonic() + every
    while not stopping():
        if time.monotonic() >= due:
            due = time.monotonic() + every
            trouble = _look_apart(place, stopping)
        status.report(said, "open", trouble or standing(place)["message"])
        time.sleep(POLL_SECONDS)
    status.report(said, "stopped", standing(place)["message"])


def standing(place: Path) -> dict[str, Any]:
    """What the last look found: message, looked_at, model_version, since, until, alarms."""
    try:
        found: dict[str, Any] = json.loads((place / f"{NAME}.json").read_text())
        return found
    except FileNotFoundError:
        return {"message": "nothing was looked at yet", "alarms": []}


def raised(place: Path) -> set[str]:
    """What the last look raised that another model may mend: kind and subject."""
    return {f"{one['kind']} {one['subject']}" for one in standing(place)["alarms"] if one["kind"] in MENDED_BY_TRAINING}


def _look_apart(place: Path, stopping: Callable[[], bool]) -> str:
    """What is wrong with the process that looked, empty when nothing is."""
    command = [sys.executable, "-m", "jobs.watch_model", "--config", str((place / "settings.yaml").absolute())]
    with subprocess.Popen(command) as job:
        while job.poll() is None:
            if stopping():
                job.terminate()
            time.sleep(POLL_SECONDS / 5)
    return f"the last look failed, exit code {job.returncode}: its log says why" * bool(job.returncode)
