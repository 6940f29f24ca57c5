"""What `make doctor` looks at, each with what to do when it is not well. Standard library only, changes nothing."""

import os
import shutil
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from pipelines.local import environments, jars, java
from pipelines.local.project import Environment, Project

GIGABYTE: Final = 1024**3
RELEASED_IN: Final = 2026
NEWEST_TRIED: Final = 21


class Finding(NamedTuple):
    """One thing that was looked at. `verdict` is ok, warning or wrong; `advice` is empty when it is ok."""

    subject: str
    verdict: str
    found: str
    advice: str = ""


def everything(project: Project, environ: Mapping[str, str]) -> list[Finding]:
    """All findings, in the order in which a newcomer meets the problems."""
    return [
        python(sys.version_info[:3]),
        runtime(project, environ),
        memory(*memory_bytes()),
        disk(project, shutil.disk_usage(project.root).free),
        loopback(),
        clock(),
        environment(project.hot),
        environment(project.lake),
        verified_jars(project),
    ]


def python(version: tuple[int, ...]) -> Finding:
    """The Python that runs set-up."""
    found = ".".join(map(str, version))
    if version[:2] == (3, 11):
        return Finding("Python", "ok", found)
    return Finding("Python", "wrong", found, "install Python 3.11 and run make with PYTHON=python3.11")


def runtime(project: Project, environ: Mapping[str, str]) -> Finding:
    """The Java that Kafka and Spark run on."""
    found = java.find(project, environ)
    if found is None:
        old = ", ".join(f"{each.version} ({each.source})" for each in java.candidates(project, environ))
        return Finding(
            "Java", "warning", old or "none", f"`make setup` brings Java along; or install {java.OLDEST} or later"
        )
    where = f"{found.version} from {found.source}"
    if found.version > NEWEST_TRIED:
        return Finding(
            "Java", "warning", where, f"newer than what was tried ({java.OLDEST} to {NEWEST_TRIED}): see JAVA_HOME"
        )
    return Finding("Java", "ok", where)


def memory(total: int, available: int) -> Finding:
    """Bytes of memory, in all and free to be taken. The whole stack takes about 4 GB."""
    found = f"{available / GIGABYTE:.1f} of {total / GIGABYTE:.1f} GB free"
    if available < 2.5 * GIGABYTE:
        return Finding("Memory", "wrong", found, "close other programs: the stack takes about 4 GB")
    if available < 4.5 * GIGABYTE:
        return Finding("Memory", "warning", found, "the stack takes about 4 GB: try CARDS=500, or close other programs")
    return Finding("Memory", "ok", found)


def memory_bytes() -> tuple[int, int]:
    """Memory of this machine, or of the container around us where that is less: total and available bytes."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = os.sysconf("SC_PHYS_PAGES") * page
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        available = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        available = total // 2  # no cheap answer outside Linux
    limit = _container_limit()
    return (min(total, limit), min(available, limit)) if limit else (total, available)


def disk(project: Project, free: int) -> Finding:
    """Bytes free where the project lies."""
    installed = environments.is_ready(project.lake, dev=False) and environments.is_ready(project.hot, dev=False)
    needed = 1 if installed else 4
    found = f"{free / GIGABYTE:.0f} GB free"
    if free < needed * GIGABYTE:
        return Finding("Disk", "wrong", found, f"free {needed} GB in {project.root}")
    if free < 2 * needed * GIGABYTE:
        return Finding("Disk", "warning", found, "long runs write more: `make clean` removes old ones")
    return Finding("Disk", "ok", found)


def loopback() -> Finding:
    """Whether a server on 127.0.0.1 gets a port and can be reached there."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            socket.create_connection(("127.0.0.1", port), timeout=3).close()
    except OSError as problem:
        return Finding(
            "Ports", "wrong", f"127.0.0.1: {problem.strerror or problem}", "allow local connections (firewall, sandbox)"
        )
    return Finding("Ports", "ok", "127.0.0.1 gives free ports and can be reached")


def clock() -> Finding:
    """Whether the wall clock shows a believable year and walks at the pace of the monotonic one."""
    wall, steady = time.time(), time.monotonic()
    time.sleep(0.2)
    drift = (time.time() - wall) - (time.monotonic() - steady)
    year = time.gmtime().tm_year
    if year < RELEASED_IN:
        return Finding("Clock", "wrong", f"it is the year {year}", "set the clock: decisions carry its time")
    if abs(drift) > 0.05:
        return Finding("Clock", "warning", f"it jumped by {drift:+.2f} s", "let NTP settle: latencies would be wrong")
    return Finding("Clock", "ok", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))


def environment(wanted: Environment) -> Finding:
    """Whether an environment is complete and what its lock says."""
    subject = f"{wanted.folder.name}"
    if not wanted.folder.exists():
        return Finding(subject, "warning", "not there yet", "`make setup` installs it")
    if not environments.is_ready(wanted, dev=False):
        return Finding(subject, "wrong", "not complete, moved, or from another lock", "`make setup` repairs it")
    if changed := environments.differences(wanted):
        return Finding(subject, "wrong", changed[0], f"remove {wanted.folder.name}, then `make setup`")
    return Finding(subject, "ok", f"complete, {len(environments.pins(wanted.lock))} packages as locked")


def verified_jars(project: Project) -> Finding:
    """Whether every jar is there with its declared sum."""
    if not project.jars.exists():
        return Finding("Jars", "warning", "not there yet", "`make setup` fetches them")
    if problems := jars.wrong(project, project.jars):
        return Finding("Jars", "wrong", f"{problems[0]} ({len(problems)} in all)", "`make setup` fetches them again")
    return Finding("Jars", "ok", f"{len(jars.sums(project))} verified")


def _container_limit() -> int:
    try:
        return int(Path("/sys/fs/cgroup/memory.max").read_text())
    except (OSError, ValueError):
        return 0
