"""Quality of landed rows, looked at again and again, far from the decision path.

Whoever waits for batches is small; each look is a process of its own, which gives its memory back and may fail by itself.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from deltalake import DeltaTable

from pipelines import status
from pipelines.catalog import QUALITY_TABLE, RECORDS_TABLE
from pipelines.check import results
from pipelines.errors import QualityFailed
from pipelines.local.stack import Stack

NAME: Final = "quality"
"""Of the program, its log and its status."""
POLL_SECONDS: Final = 1.0
NEVER: Final = -1


def begin(running: Stack) -> None:
    """Start whoever looks at what lands, beside landing."""
    every = str(running.settings.lake.quality_batches)
    running.start_job(NAME, "jobs.check_quality", "--every", every, restarts=5)


def follow(place: Path, every: int, stopping: Callable[[], bool]) -> None:
    """Look whenever so many further batches have landed, until `stopping` says so. Says how suites stand in status/quality.json.

    Args:
        place: folder of the run; nothing needs to have landed yet.
        every: batches of landing, by the version of the table that each writes last.
        stopping: asked about every second.
    """
    lake, said = place / "lake", place / "status" / f"{NAME}.json"
    seen, known, message, facts = (
        version(lake / RECORDS_TABLE.name),
        NEVER,
        "no suite was looked at yet",
        dict[str, Any](),
    )
    while not stopping():
        if (reached := version(lake / RECORDS_TABLE.name)) - seen >= every:
            seen = reached
            trouble = looked(place, stopping, only_new=True)
            print(trouble or "looked", flush=True)
        if (written := version(lake / QUALITY_TABLE.name)) > known:
            known, standing = written, results.standing(lake)
            message, facts = in_words(standing), {**standing.facts(), "failing": standing.failing}
        status.report(said, "open", message, **facts)
        time.sleep(POLL_SECONDS)
    status.report(said, "stopped", message, **facts)


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
    command = [sys.executable, "-m", "jobs.check_quality", "--run", str(place.absolute()), *["--new"] * only_new]
    log = place / "logs" / f"{NAME}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as out, subprocess.Popen(command, cwd=folder, stdout=out, stderr=out) as job:
        while job.poll() is None:
            if stopping():
                job.terminate()
            time.sleep(POLL_SECONDS / 5)
    well = (0, QualityFailed.exit_code)
    return "" if job.returncode in well else f"quality could not be looked at, exit code {job.returncode} (log: {log})"


def version(table: Path) -> int:
    """Version of a table, NEVER when it is not there."""
    return DeltaTable(table, without_files=True).version() if DeltaTable.is_deltatable(str(table)) else NEVER


def in_words(standing: results.Standing) -> str:
    """How suites stand, in one line."""
    if not standing.failing:
        return f"{len(standing.judged)} suites, none fails"
    named = "; ".join(f"{suite}: {', '.join(checks)}" for suite, checks in standing.failing.items())
    return f"{len(standing.failing)} of {len(standing.judged)} suites fail: {named}"
