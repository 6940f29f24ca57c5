"""What a run that was killed has left: recognised, then ended by process id.

Recognised are the processes that were written down (process id, start time and command line must all agree, ids are used
again) and their descendants, which carry the run's token in their environment.
"""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from pipelines.files import put_json
from pipelines.local.process import carrying, kill, terminate

RECORD = "pids.json"
GRACE_SECONDS = 8.0
CLOCK_STEP = 2.0
"""Seconds by which a start time may seem to have moved: it is kept against a wall clock that can be set."""


def record(run: Path, token: str, pids: Iterable[int]) -> None:
    """Write down who belongs to the run, for whoever has to clean up after it."""
    identities = [identity for identity in map(_identity, [os.getpid(), *pids]) if identity]
    put_json(run / RECORD, {"token": token, "processes": identities})


def forget(run: Path) -> None:
    """The run ended in order: nothing is left."""
    shutil.rmtree(run / "tmp", ignore_errors=True)
    (run / RECORD).unlink(missing_ok=True)


def holder(run: Path) -> int | None:
    """Process id of the supervisor that wrote the record, if it is still there."""
    supervisor = _read(run)["processes"][:1]
    return supervisor[0]["pid"] if supervisor and _is(supervisor[0]) else None


def sweep(run: Path) -> list[str]:
    """End everything that a killed run has left, and its temporary folder. Call it with the run's lock held.

    Returns:
        One line a process that was ended.
    """
    written = _read(run)
    recorded = [psutil.Process(known["pid"]) for known in written["processes"] if _is(known)]
    left = {process.pid: process for process in recorded + (carrying(written["token"]) if written["token"] else [])}
    left.pop(os.getpid(), None)
    said = [
        f"ended process {process.pid}, left by a run that was killed ({_name(process)})" for process in left.values()
    ]
    for process in left.values():
        terminate(process)
    _, stubborn = psutil.wait_procs(left.values(), timeout=GRACE_SECONDS)
    for process in stubborn:
        kill(process)
    psutil.wait_procs(stubborn, timeout=2)
    forget(run)
    return said


def _identity(pid: int) -> dict[str, Any] | None:
    try:
        process = psutil.Process(pid)
        return {"pid": pid, "started": process.create_time(), "command": process.cmdline()}
    except psutil.Error:
        return None


def _is(known: dict[str, Any]) -> bool:
    """Whether a process id still means the process that was written down."""
    found = _identity(known["pid"])
    return (
        found is not None
        and found["command"] == known["command"]
        and abs(found["started"] - known["started"]) < CLOCK_STEP
    )


def _read(run: Path) -> dict[str, Any]:
    try:
        written: dict[str, Any] = json.loads((run / RECORD).read_text())
    except (OSError, ValueError):
        return {"token": "", "processes": []}
    return written


def _name(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:80]
    except psutil.Error:
        return "gone"
