"""Work that is begun from a page and takes longer than a page waits: a job in a process of its own, one at a time."""

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from pipelines.errors import Conflict

_STAMP: Final = re.compile(r"^(\[ *[\d.]+ s\] |clearhold: )")
"""What a command puts before its lines for a terminal."""


class Standing(NamedTuple):
    """The last piece of work: what it is, who began it when, its exit code once it has ended, and its last line."""

    words: str
    who: str
    began: float
    code: int | None
    last: str


class Chores:
    """Begins jobs of the project; their output goes to `log`."""

    def __init__(self, folder: Path, log: Path) -> None:
        """`folder`: where the project is."""
        self._folder, self._log = folder, log
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = ("", "", 0.0)

    def begin(self, words: str, who: str, module: str, arguments: Sequence[str]) -> None:
        """Begin a job.

        Raises:
            Conflict: one is under way.
        """
        if self._process and self._process.poll() is None:
            raise Conflict(f"{self._begun[1]} has begun something: {self._begun[0]}; wait until it has ended")
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as out:
            command = (sys.executable, "-m", module, *arguments)
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        self._begun = (words, who, time.time())

    def standing(self) -> Standing | None:
        """How the last one is; None if none was begun."""
        if self._process is None:
            return None
        lines = self._log.read_text(errors="replace").strip().splitlines() or [""]
        return Standing(*self._begun, self._process.poll(), _STAMP.sub("", lines[-1]))

    def close(self) -> None:
        """End what is under way."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()
