"""What can be seen of the hot application from outside while it is under load."""

import os
import time
from typing import Any, Final

from pipelines.local.effort import cpu_seconds
from pipelines.local.stack import HOT, Stack

EVERY_SECONDS: Final = 1.0


class Watch:
    """Looks once a second.

    Attributes:
        checkpoints: those of the stateful query, as (when its report was seen, epoch seconds; milliseconds by part).
        load_averages: the machine's, over one minute each; the first was there before.
    """

    def __init__(self, running: Stack) -> None:
        """The watch begins."""
        self._running = running
        self._due = 0.0
        self._efforts: list[tuple[int, float]] = []
        self._known = running.status(HOT).get("checkpoints", 0)
        self.checkpoints: list[tuple[float, dict[str, Any]]] = []
        self.load_averages = [os.getloadavg()[0]]

    def look(self) -> None:
        """Look, if it is time."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + EVERY_SECONDS
        self.load_averages.append(os.getloadavg()[0])
        said = self._running.status(HOT)
        if said.get("checkpoints", 0) > self._known:
            self._known = said["checkpoints"]
            self.checkpoints.append((said["at"], said["last_checkpoint"]))

    def note_effort(self) -> None:
        """Note how much processor time the hot application has taken by now: at both ends of what is measured."""
        hot = self._running.processes.processes[HOT]
        self._efforts.append((hot.pid, cpu_seconds(hot)))

    @property
    def cpu_seconds(self) -> float | None:
        """Processor time between the two notes; None where it is not the same process any more."""
        if len(self._efforts) < 2 or self._efforts[0][0] != self._efforts[-1][0]:
            return None
        return self._efforts[-1][1] - self._efforts[0][1]
