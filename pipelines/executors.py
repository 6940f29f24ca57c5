"""An application on a cluster that has lost its executors for good ends, so that it is started anew and registers again.

A standalone master that starts again does not know its applications (with recovery from files it may kill their executors and
count them for ever: its workers register again while it still asks for them). The driver is never told, and its jobs wait.
"""

import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from py4j.protocol import Py4JError

from pipelines.errors import Unavailable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PATIENCE: Final = 60.0
"""Seconds without any executor after which none will come: a worker that was killed alone is back sooner."""
TELL: Final = 30.0
"""Seconds between two words about an application that no executor has come for yet."""
LOOK: Final = 5.0


class Losing:
    """Whether an application that had executors has been without any for too long."""

    def __init__(self, patience: float) -> None:
        """`patience`: in seconds."""
        self._patience = patience
        self._last: float | None = None

    def seen(self, executors: int, now: float) -> bool:
        """Take in how many there are at a time in seconds. One that never had any still waits for its turn: that is no loss."""
        if executors:
            self._last = now
        return self._last is not None and now - self._last > self._patience


class Waiting:
    """What to say of an application that no executor has come for yet: a cluster without room says nothing itself."""

    def __init__(self, tell: float) -> None:
        """`tell`: seconds between two words."""
        self._tell = tell
        self._began: float | None = None
        self._told = 0

    def words(self, executors: int, now: float) -> str:
        """Take in how many there are at a time in seconds. Empty where there is nothing to say, and always once one has come."""
        self._began = now if self._began is None else self._began
        waited = now - self._began
        if executors:
            self._tell = float("inf")
        if waited < self._tell * (self._told + 1):
            return ""
        self._told += 1
        return f"no executor has come for {waited:.0f} s: is the cluster up, and has it room for this application?"


def watch(spark: "SparkSession") -> None:
    """Look after the executors of an application on a cluster, for as long as it runs."""
    threading.Thread(target=_watch, args=(spark.sparkContext._jsc.sc(),), name="executors", daemon=True).start()


def _watch(java: Any) -> None:
    losing, waiting = Losing(PATIENCE), Waiting(TELL)
    try:
        while not java.isStopped():
            executors, now = java.getExecutorMemoryStatus().size() - 1, time.monotonic()  # the driver counts as one
            if words := waiting.words(executors, now):
                print(f"clearhold: {words}", file=sys.stderr, flush=True)
            if losing.seen(executors, now):
                problem = f"no executor for {PATIENCE:.0f} s: the cluster has forgotten this application, which ends"
                print(f"clearhold: {problem}", file=sys.stderr, flush=True)
                # at once: the program may wait in Java for a job that never ends, and every program here stands a kill
                os._exit(Unavailable.exit_code)
            time.sleep(LOOK)
    except Py4JError:
        return  # Java has ended, and the program will notice
