"""Quality of landed rows, looked at again and again, far from the decision path.

Whoever waits for batches is small; each look is a process of its own, which gives its memory back and may fail by itself.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from deltalake import DeltaTable

from pipelines import config, status
from pipelines.catalog import RECORDS_TABLE
from pipelines.errors import QualityFailed
from pipelines.folders import Folder

NAME: Final = "quality"
"""Of the program, its log, its status and what it leaves."""
POLL_SECONDS: Final = 1.0
NEVER: Final = -1


def follow(place: Path, every: int, stopping: Callable[[], bool]) -> None:
    """Look whenever so many further batches have landed, until `stopping` says so. Says how suites stand in status/quality.json.

    Args:
        place: folder of the run; nothing needs to have landed yet.
        every: batches of landing, by the version of the table that each writes last.
        stopping: asked about every second.
    """
    records, said = config.lake_of(place) / RECORDS_TABLE.name, place / "status" / f"{NAME}.json"
    seen = version(records)
    while not stopping():
        if (reached := version(records)) - seen >= every:
            seen = reached
            if trouble := looked(place, stopping, only_new=True):
                print(trouble, flush=True)
        status.report(said, "open", **stands(place))
        time.sleep(POLL_SECONDS)
    status.report(said, "stopped", **stands(place))


def stands(place: Path) -> dict[str, Any]:
    """How suites stood at the last look: message, suites, failed, failing (suite -> checks)."""
    try:
        found: dict[str, Any] = json.loads((place / f"{NAME}.json").read_text())
        return found
    except FileNotFoundError:
        return {"message": "no suite was looked at yet", "suites": 0, "failed": 0, "failing": {}}


def looked(
    place: Path, stopping: Callable[[], bool] = lambda: False, only_new: bool = False, folder: Path | None = None
) -> str:
    """Look once, in a process of its own, and wait for it; what is wrong with that process, empty when nothing is.

    Args:
        place: folder of the run.
        stopping: whether to give it up.
        only_new: as in `quality.run`.
        folder: where it starts; None is here.
    """
    before = _written(place)
    command = [sys.executable, "-m", "jobs.check_quality", "--run", str(place.absolute()), *["--new"] * only_new]
    log = place / "logs" / f"{NAME}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as out, subprocess.Popen(command, cwd=folder, stdout=out, stderr=out) as job:
        while job.poll() is None:
            if stopping():
                job.terminate()
            time.sleep(POLL_SECONDS / 5)
    if job.returncode == 0 or (job.returncode == QualityFailed.exit_code and _written(place) != before):
        return ""
    return f"quality could not be looked at, exit code {job.returncode} (log: {log})"


def version(table: Folder) -> int:
    """Version of a table, NEVER when it is not there."""
    return DeltaTable(str(table), without_files=True).version() if DeltaTable.is_deltatable(str(table)) else NEVER


def _written(place: Path) -> int:
    """When a look last came to its end; whatever crashes has the exit code of a suite that fails."""
    file = place / f"{NAME}.json"
    return file.stat().st_mtime_ns if file.exists() else 0
