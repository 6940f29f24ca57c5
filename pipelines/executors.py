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


def watch(spark: "SparkSession") -> None:
    """Look after the executors of an application on a cluster, for as long as it runs."""
    threading.Thread(target=_watch, args=(spark.sparkContext._jsc.sc(),), name="executors", daemon=True).start()


def _watch(java: Any) -> None:
    losing = Losing(PATIENCE)
    try:
        while not java.isStopped():
            if losing.seen(java.getExecutorMemoryStatus().size() - 1, time.monotonic()):  # the driver counts as one
                problem = f"no executor for {PATIENCE:.0f} s: the cluster has forgotten this application, which ends"
                print(f"clearhold: {problem}", file=sys.stderr, flush=True)
                # at once: the program may wait in Java for a job that never ends, and every program here stands a kill
                os._exit(Unavailable.exit_code)
            time.sleep(LOOK)
    except Py4JError:
        return  # Java has ended, and the program will notice
