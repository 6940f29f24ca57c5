"""Says which step of how many is being done, how far it is and how long it took. Standard library only."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

QUIET_SECONDS = 10.0


class Step:
    """One step under way. `note` may be called as often as one likes; the screen changes at a readable pace."""

    def __init__(self, heading: str, out: TextIO) -> None:
        """`heading` is what stands in front of every line: `[1/4] what is being done`."""
        self._heading, self._out, self._live = heading, out, out.isatty()
        self._began = self._shown = time.monotonic()
        self._line(heading + (" ..." if not self._live else ""))

    @property
    def seconds(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self._began

    def note(self, how_far: str) -> None:
        """Say how far it is: at once on a terminal, every ten seconds elsewhere."""
        if self._live or time.monotonic() - self._shown >= QUIET_SECONDS:
            self._shown = time.monotonic()
            self._line(f"{self._heading}: {how_far + ', ' if how_far else ''}{self.seconds:.0f} s")

    def end(self, outcome: str) -> None:
        """Say how it ended and go to the next line."""
        self._line(f"{self._heading}: {outcome} after {self.seconds:.1f} s")
        if self._live:
            self._out.write("\n")

    def _line(self, text: str) -> None:
        self._out.write(f"\r\x1b[K{text}" if self._live else f"{text}\n")
        self._out.flush()


class Progress:
    """Numbers the steps of a set-up: step i of n."""

    def __init__(self, total: int, out: TextIO | None = None) -> None:
        """`total` is how many steps there will be."""
        self._total, self._done, self._out = total, 0, out or sys.stdout

    @contextmanager
    def step(self, doing: str) -> Iterator[Step]:
        """A step under way; ends with `done`, or with `not done` when its body raises."""
        self._done += 1
        step = Step(f"[{self._done}/{self._total}] {doing}", self._out)
        try:
            yield step
        except BaseException:
            step.end("not done")
            raise
        step.end("done")
