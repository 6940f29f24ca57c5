"""What can happen in the middle of a stretch of load, and what came of it: another model, or the end of the hot application."""

import time
from typing import Any, Final, Protocol

from pipelines import registry
from pipelines.flows import stand_in
from pipelines.local.decided import Decided
from pipelines.local.process import kill
from pipelines.local.stack import HOT, Stack
from pipelines.monitor.latency import longest_pause

AFTERMATH_MS: Final = 1_000
"""How long after the first decision of a new model the flow is still watched for a pause."""


ECHO_MS: Final = 500
"""Payments that were sent this long before or after a kill may have been handed to the network still."""


class Incident(Protocol):
    """Something that is made to happen once. `at` is when, epoch seconds, 0 before."""

    name: str
    at: float

    def happen(self) -> None:
        """Make it happen."""

    def figures(self, decided: Decided, until: float, unaccounted: int) -> dict[str, Any]:
        """What came of it; `until` (epoch seconds) is when something else happens."""


class Swap:
    """The other version in the registry becomes champion."""

    name = "swap"

    def __init__(self, running: Stack) -> None:
        """Not yet."""
        self._running, self._version, self.at = running, "", 0.0

    def happen(self) -> None:
        """Promote it."""
        settings = self._running.settings.registry
        self._version, self.at = stand_in.other_version(settings), time.time()
        registry.promote(settings, self._version)
        self._running.processes.say(f"version {self._version} was promoted")

    def figures(self, decided: Decided, until: float, unaccounted: int) -> dict[str, Any]:
        """The gap is the longest time without a decision from the promotion until after the new version's first decision."""
        first = decided.first_by_model.get(self._version)
        swaps = [swap for swap in self._running.status(HOT).get("swaps", []) if swap["model"] == self._version]
        times = decided.times()
        return {
            "version": self._version,
            "first_decision_after_s": None if first is None else round(first / 1000 - self.at, 3),
            "gap_ms": None if first is None else longest_pause(times, self.at * 1000, first + AFTERMATH_MS),
            "restart_seconds": round(swaps[-1]["seconds"], 3) if swaps else None,
            "repeats": decided.repeats(self.at * 1000, until * 1000),
            "lost": unaccounted,
        }


class Kill:
    """The hot application and its JVM are killed with signal 9; the supervisor starts them again."""

    name = "kill"

    def __init__(self, running: Stack) -> None:
        """Not yet."""
        self._running, self.at = running, 0.0

    def happen(self) -> None:
        """Kill it."""
        family = self._running.processes.processes[HOT].family()
        self.at = time.time()
        for process in family:
            kill(process)

    def figures(self, decided: Decided, until: float, unaccounted: int) -> dict[str, Any]:
        """Seconds to the first decision about a payment that was sent after the kill; `lost` must be 0."""
        first = decided.first_sent_since(self.at * 1000 + ECHO_MS)
        return {
            "first_decision_after_s": None if first is None else round(first / 1000 - self.at, 3),
            "repeats": decided.repeats(self.at * 1000, until * 1000),
            "lost": unaccounted,
        }
