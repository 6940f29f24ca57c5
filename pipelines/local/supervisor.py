"""One supervised process tree: started in order, watched, restarted with back-off, stopped in order.

There are no threads in here. Whoever waits for something waits through `wait`, and while it waits the tree is tended.
"""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from pipelines.errors import ClearholdError, EnvironmentProblem, Unavailable, UsageError
from pipelines.local import commands, leftovers, lock
from pipelines.local.memory import Memory
from pipelines.local.process import TOKEN, Process, Program

STOP_SECONDS = 14.0
"""Seconds from the first Ctrl-C to the last process."""
LEAST_STOP_SECONDS = 3.0
BACK_OFF_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)
STEADY_SECONDS = 300.0
"""A program that has run this long since its last restart has all its restarts again."""
POLL_SECONDS = 0.1
REFUSALS: Final = {error.exit_code: error for error in (UsageError, EnvironmentProblem)}
"""Exit codes by which a program says that starting it again will not help."""


class StopAsked(Exception):
    """Somebody asked the run to stop: Ctrl-C, SIGTERM, or the terminal went away."""


class Supervisor:
    """The processes of a run. Use `opened`, which also holds the lock and always stops what was started."""

    def __init__(self, run: Path, folder: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        """`run` is where logs and records go, `folder` where programs start, `say` tells the user one line."""
        self.run, self._folder, self.say = run, folder, say
        self.token = secrets.token_hex(8)
        self._environ = {**environ, TOKEN: self.token}
        self.processes: dict[str, Process] = {}
        self.memory = Memory()
        self._restarted: dict[str, int] = {}
        self._due: dict[str, float] = {}
        self.asked = 0
        self._asked_at: float | None = None

    def ask(self) -> None:
        """Ask the run to stop; what waits is told at its next look."""
        self.asked += 1
        self._asked_at = self._asked_at or time.monotonic()

    def start(self, program: Program) -> None:
        """Start a program; from now on it is tended.

        Raises:
            EnvironmentProblem: it cannot be started.
        """
        (self.run / "status" / f"{program.name}.json").unlink(missing_ok=True)  # what it said in another life
        log = self.run / "logs" / f"{program.name}.log"
        self.processes[program.name] = Process(program, self._folder, log, self._environ)
        leftovers.record(self.run, self.token, [process.pid for process in self.processes.values()])

    def is_done(self, name: str) -> bool:
        """Whether a program that runs once has done its work. One that has failed is never done."""
        return self.processes[name].code == 0

    def tend(self) -> None:
        """Look after every process once.

        Raises:
            StopAsked: somebody asked.
            ClearholdError: a program ended that cannot go on, or ended too often.
        """
        if self.asked:
            raise StopAsked
        self._look()

    def wait(self, until: Callable[[], bool], seconds: float, what: str) -> None:
        """Tend the tree until something is so.

        Raises:
            StopAsked: somebody asked the run to stop meanwhile.
            ClearholdError: a program ended that cannot go on, or `seconds` have passed.
        """
        deadline = time.monotonic() + seconds
        while not until():
            self.tend()
            if time.monotonic() > deadline:
                raise Unavailable(f"{what}: not within {seconds:.0f} s; see the logs in {self.run / 'logs'}")
            time.sleep(POLL_SECONDS)

    def linger(self, until: Callable[[], bool], seconds: float) -> bool:
        """Before stopping, wait until something is so, at most `seconds` or until the next Ctrl-C. Returns whether it is so."""
        deadline, asked = time.monotonic() + seconds, self.asked
        while not until():
            if time.monotonic() > deadline or self.asked > asked:
                return False
            self._look()
            time.sleep(POLL_SECONDS)
        return True

    def stop(self, *groups: Sequence[str], seconds: float = STOP_SECONDS) -> None:
        """End groups of programs one after the other; what does not end in its share of `seconds` is killed.

        After Ctrl-C the seconds that are left count, however many were asked for.
        """
        began = self._asked_at or time.monotonic()
        deadline = min(time.monotonic() + seconds, max(began + STOP_SECONDS, time.monotonic() + LEAST_STOP_SECONDS))
        for position, group in enumerate(groups):
            share = (deadline - time.monotonic()) / (len(groups) - position)
            self._end([name for name in group if name in self.processes], time.monotonic() + share)

    def _end(self, group: Sequence[str], deadline: float) -> None:
        for name in group:
            self.processes[name].ask()
        for name in group:
            self._due.pop(name, None)
            if not self.processes.pop(name).end(max(0.0, deadline - time.monotonic())):
                self.say(f"{name} did not end when asked and was killed")

    def _look(self) -> None:
        self.memory.look(self.processes)
        for process in list(self.processes.values()):
            if process.code is not None and not (process.program.once and process.code == 0):
                self._recover(process)

    def _recover(self, process: Process) -> None:
        name, now = process.program.name, time.monotonic()
        if name not in self._due:
            self._due[name] = now + self._back_off(process)
        elif now >= self._due[name]:
            del self._due[name]
            self.start(process.program)

    def _back_off(self, process: Process) -> float:
        """Seconds until the next start of something that has ended by itself."""
        name, program = process.program.name, process.program
        if time.monotonic() - process.began > STEADY_SECONDS:
            self._restarted[name] = 0
        times = self._restarted[name] = self._restarted.get(name, 0) + 1
        process.end(0)  # what it started must not go on without it
        why = f"exit code {process.code}: {commands.telling_line(commands.read(process.log)[-20_000:])} (log: {process.log})"
        refusal = REFUSALS.get(process.code or 0)
        if refusal or times > program.restarts:
            raise (refusal or ClearholdError)(f"{name} ended, {why}")
        seconds = BACK_OFF_SECONDS[min(times, len(BACK_OFF_SECONDS)) - 1]
        self.say(f"{name} ended, {why}; it is started again in {seconds:g} s, {times} of {program.restarts} times")
        return seconds


@contextmanager
def opened(
    run: Path,
    folder: Path,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    order: Sequence[Sequence[str]],
) -> Iterator[Supervisor]:
    """A supervisor that holds the run's folder. At the end everything is stopped, and nothing is left.

    `order` names groups of programs: one group is stopped after the other, programs that are in none before them all.

    Raises:
        EnvironmentProblem: another run holds the folder.
    """
    with lock.held(run):
        for line in leftovers.sweep(run):
            say(line)
        (run / "tmp").mkdir(exist_ok=True)
        supervisor = Supervisor(run, folder, environ, say)
        with _asked_through_signals(supervisor), _watched(run, folder):
            try:
                yield supervisor
            finally:
                rest = set(supervisor.processes).difference(*order)
                supervisor.stop([*rest], *order)
                leftovers.forget(run)


@contextmanager
def _asked_through_signals(supervisor: Supervisor) -> Iterator[None]:
    """Signals only leave a note: the tree stops at the next look, never in the middle of something."""

    def note(number: int, frame: FrameType | None) -> None:
        supervisor.ask()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _watched(run: Path, folder: Path) -> Iterator[None]:
    """Have a warden that ends everything should this process be killed."""
    reads, writes = os.pipe()
    command = [sys.executable, "-m", "pipelines.local.warden", str(run.absolute())]
    warden = subprocess.Popen(command, cwd=folder, stdin=reads, start_new_session=True)
    os.close(reads)
    try:
        yield
    finally:
        if not (
            run / leftovers.RECORD
        ).exists():  # all is in order; otherwise it is left to do its work when we are gone
            warden.kill()
            warden.wait()
        os.close(writes)
