"""One child process: its own session and log file, known by a token in its environment, ended with all its descendants."""

import contextlib
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, NamedTuple

import psutil

from pipelines.errors import EnvironmentProblem

TOKEN = "CLEARHOLD_RUN"
"""Environment variable that every process of a run carries: descendants are found by it even when their parent is gone."""


class Program(NamedTuple):
    """What to run. `restarts` is how often it is started again when it ends by itself; `once` ends well by itself."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = {}
    restarts: int = 0
    once: bool = False


class Process:
    """A program under way."""

    def __init__(self, program: Program, folder: Path, log: Path, environ: Mapping[str, str]) -> None:
        """Start `program` in `folder` with `environ` below its own environment, output appended to `log`.

        Raises:
            EnvironmentProblem: it cannot be started.
        """
        self.program, self.log, self.token = program, log, environ[TOKEN]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            self._popen = self._start(folder, out, {**environ, **program.environment})
        self.began, self._asked = time.monotonic(), False

    @property
    def pid(self) -> int:
        """Process id; also the id of its session and group."""
        return self._popen.pid

    @property
    def code(self) -> int | None:
        """Exit code, None while it runs."""
        return self._popen.poll()

    def ask(self) -> None:
        """Ask it to end, once: many programs take a second signal for impatience."""
        if self.code is None and not self._asked:
            self._asked = True
            self._popen.terminate()

    def end(self, seconds: float) -> bool:
        """Ask it to end, then what it leaves behind, then kill whatever does not. Returns whether nothing had to be killed."""
        deadline = time.monotonic() + seconds
        self.ask()
        while self.code is None and time.monotonic() < deadline:
            time.sleep(0.05)
        orphans = [process for process in self.family() if process.pid != self.pid]
        if self.code is not None:
            for process in orphans:
                terminate(process)
            psutil.wait_procs(orphans, timeout=max(0.0, deadline - time.monotonic()))
        left = self.family()
        for process in left:
            kill(process)
        self._popen.wait()
        psutil.wait_procs(left, timeout=2)
        return not left

    def family(self) -> list[psutil.Process]:
        """The process and what it started that still runs, orphans included."""
        return [process for process in carrying(self.token) if _group(process) == self.pid]

    def _start(self, folder: Path, out: IO[bytes], environ: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(
                self.program.command,
                cwd=folder,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the supervisor, which then ends everything in order
            )
        except OSError as problem:
            name, program = self.program.name, self.program.command[0]
            raise EnvironmentProblem(
                f"{name} cannot be started: {program}: {problem.strerror}; run `make doctor`"
            ) from problem


def carrying(token: str) -> list[psutil.Process]:
    """Every living process of a run, this one excepted."""
    found = psutil.process_iter(["environ", "status"])
    return [
        process
        for process in found
        if (process.info["environ"] or {}).get(TOKEN) == token
        and process.info["status"] != psutil.STATUS_ZOMBIE
        and process.pid != os.getpid()
    ]


def terminate(process: psutil.Process) -> None:
    """Ask a process to end that may be gone already."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()


def kill(process: psutil.Process) -> None:
    """Kill a process that may be gone already."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


def _group(process: psutil.Process) -> int:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return 0
