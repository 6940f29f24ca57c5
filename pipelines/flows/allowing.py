"""Going on without records that Kafka threw away before they landed: somebody says so, by name, and says why."""

from collections.abc import Callable
from pathlib import Path

from pipelines import config
from pipelines.errors import UsageError
from pipelines.ingest import gaps

Say = Callable[[str], None]


def run(place: Path, name: str | None, why: str | None, say: Say) -> None:
    """Allow a gap, or list those that wait to be allowed. Allowing one again changes nothing.

    Args:
        place: folder of a run, live or stopped.
        name: of the gap; None lists.
        why: kept beside it.
        say: tells the user one line.

    Raises:
        UsageError: there is no such gap, or nobody says why.
    """
    if not (place / "settings.yaml").exists():
        raise UsageError(f"there is no run in {place}: name one with RUN=")
    lake = config.load(place / "settings.yaml").paths.lake
    found, allowed = gaps.named(lake, gaps.FOUND), gaps.named(lake, gaps.ALLOWED)
    waiting = [gap for each, gap in found.items() if each not in allowed]
    if name is None:
        say("\n".join(map(str, waiting)) or "no gap waits to be allowed")
    elif name in allowed:
        say(f"gap {name} was allowed before")
    elif name not in found:
        raise UsageError(f"there is no gap {name}; waiting: {', '.join(gap.name for gap in waiting) or 'none'}")
    elif not why:
        raise UsageError('say why these records may be missing: WHY="..."')
    else:
        gaps.note(lake, [found[name]], gaps.ALLOWED, why)
        say(f"allowed: {found[name]}; landing goes on behind it when it is started again")
