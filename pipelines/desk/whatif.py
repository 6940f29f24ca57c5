"""What other thresholds would have done: the model's part of the decisions of the last days, counted again."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from pipelines import reading
from pipelines.catalog import DECISIONS_TABLE
from pipelines.folders import Folder
from pipelines.schemas import ACTIONS

DAYS: Final = 7
_BANDS: Final = ACTIONS[1:]


class Moved(NamedTuple):
    """An action that the model asks for: how many payments now, how many then, and of how much money (minor units)."""

    action: str
    now: int
    then: int
    money_now: int
    money_then: int


def moved(lake: Folder, now: Mapping[str, float], then: Mapping[str, float]) -> list[Moved]:
    """Payments of the last DAYS days by the action that thresholds alone ask for; rules are not counted. Empty without a lake.

    Args:
        lake: folder of the tables.
        now: thresholds in force: challenge, hold, decline.
        then: those that are thought of.
    """
    if not reading.are_there(lake, DECISIONS_TABLE):
        return []
    database = reading.opened(lake, DECISIONS_TABLE)
    since = f"(select max(event_ms) - {DAYS * 86_400_000} from decisions)"
    counts = ", ".join(
        f"count(*) filter ({_band(each, limits)}), coalesce(sum(amount_minor) filter ({_band(each, limits)}), 0)"
        for limits in (now, then)
        for each in ACTIONS
    )
    found = database.execute(f"select {counts} from decisions where event_ms >= {since}").fetchone() or ()
    half = len(ACTIONS) * 2
    return [
        Moved(action, found[2 * at], found[half + 2 * at], int(found[2 * at + 1]), int(found[half + 2 * at + 1]))
        for at, action in enumerate(ACTIONS)
    ]


def _band(action: str, limits: Mapping[str, float]) -> str:
    """SQL: whether thresholds alone ask for an action."""
    edges = [0.0, *(float(limits[each]) for each in _BANDS), 2.0]
    at = ACTIONS.index(action)
    return f"where probability >= {edges[at]!r} and probability < {edges[at + 1]!r}"
