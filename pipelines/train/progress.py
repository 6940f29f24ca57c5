"""Says which stage of a long job is running and how long each took: lines for a person, a status file for other processes."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines import status


class Progress:
    """Stages of one job, one after another. `seconds` says how long each took."""

    def __init__(self, file: Path | None = None) -> None:
        """`file` is a status file that is rewritten at every change; None for none."""
        self._file = file
        self._stage = ""
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """A stage under way; its seconds are added up under its name."""
        began, self._stage = time.monotonic(), name
        self._say("open", f"{name} ...")
        yield
        took = time.monotonic() - began
        self.seconds[name] = round(self.seconds.get(name, 0.0) + took, 2)
        self._say("open", f"{name}: {took:.1f} s")

    def note(self, how_far: str) -> None:
        """Say how far the present stage is."""
        self._say("open", f"{self._stage}: {how_far}")

    @contextmanager
    def job(self, name: str) -> Iterator[None]:
        """The whole job: ends as stopped, or as failed with the reason."""
        self._say("starting", name)
        try:
            yield
        except BaseException as problem:
            self._say("failed", str(problem).partition("\n")[0] or type(problem).__name__)
            raise
        self._say("stopped", f"{name}: done, {sum(self.seconds.values()):.0f} s")

    def _say(self, state: str, message: str) -> None:
        print(message, file=sys.stdout, flush=True)
        if self._file:
            status.report(self._file, state, message, seconds=self.seconds)
