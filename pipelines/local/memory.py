"""How much memory each program of a run takes, its descendants included."""

import time
from collections.abc import Mapping

import psutil

from pipelines.local.process import Process

MEGABYTE = 1024 * 1024
EVERY_SECONDS = 2.0
YOUNG_SECONDS = 1.0


class Memory:
    """Resident memory, looked at every two seconds.

    Attributes:
        now_mb: by program, at the last look.
        peak_mb: by program, the most that was seen.
        together_mb: of all programs at one time, the most that was seen.
    """

    def __init__(self) -> None:
        """Nothing has been looked at yet."""
        self.now_mb: dict[str, int] = {}
        self.peak_mb: dict[str, int] = {}
        self.together_mb = 0
        self._due = 0.0

    def look(self, processes: Mapping[str, Process]) -> None:
        """Look, if it is time."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + EVERY_SECONDS
        running = {name: process for name, process in processes.items() if process.code is None}
        taken = {name: sum(map(_resident, process.family())) // MEGABYTE for name, process in running.items()}
        self.now_mb = {**taken, "supervisor": _resident(psutil.Process()) // MEGABYTE}
        for name, megabytes in self.now_mb.items():
            self.peak_mb[name] = max(megabytes, self.peak_mb.get(name, 0))
        self.together_mb = max(self.together_mb, sum(self.now_mb.values()))


def _resident(process: psutil.Process) -> int:
    """Resident bytes. A process that was forked this moment still shows those of its parent: they are not counted twice."""
    try:
        return int(process.memory_info().rss) if time.time() - process.create_time() > YOUNG_SECONDS else 0
    except psutil.Error:
        return 0
