"""How the processes of a run are, from what each last said of itself."""

import time
from pathlib import Path
from typing import Final, NamedTuple

from pipelines import status
from pipelines.errors import UsageError
from pipelines.monitor.text import table

LASTING: Final = ("hot", "standby", "landing", "reasons", "quality", "watch", "desk", "retrain", "bank")
"""Those that stay for as long as a run is live, in the order of the main path."""


class Part(NamedTuple):
    """A process: whether it runs, its state, its last words and how many seconds ago they were."""

    name: str
    runs: bool
    state: str
    message: str
    seconds: float


def look(run: Path) -> list[Part]:
    """The parts of a run that have said something.

    Raises:
        UsageError: there is no run.
    """
    if not (run / "status").is_dir():
        raise UsageError(f"{run} holds no run: start one with `make demo`")
    now, found = time.time(), []
    for name in LASTING:
        said = status.look(run / "status" / f"{name}.json")
        if said:
            runs = status.runs(said, now)
            state = said["state"] if runs or said["state"] in status.ENDED else "gone"
            found.append(Part(name, runs, state, said["message"], now - said["at"]))
    return found


def words(parts: list[Part]) -> str:
    """One line a part."""
    lines = [(each.name, each.state, _ago(each.seconds), each.message) for each in parts]
    return table([("part", "state", "said", ""), *lines], left=True)


def _ago(seconds: float) -> str:
    return "now" if seconds < status.STALE_SECONDS else f"{seconds / 60:,.0f} min ago"
