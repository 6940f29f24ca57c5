"""How much processor time a program has taken."""

import psutil

from pipelines.local.process import Process


def cpu_seconds(process: Process) -> float:
    """Processor time of a program and of what it started, user and system, over all cores."""
    return sum(map(_used, process.family()))


def _used(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
        return float(times.user + times.system)
    except psutil.Error:
        return 0.0
