"""How the run is, in words for whoever looks at a page: only what is not as it should be."""

from typing import Final

from pipelines import status
from pipelines.casework import clock
from pipelines.desk.office import Office
from pipelines.desk.pages import age

PARTS: Final = {
    "hot": "the stream stopped {} ago: alerts are not arriving",
    "intake": "the desk has taken in nothing for {}",
}
"""Without which no alert arrives, and what to say of each when it is gone."""


def trouble(place: Office) -> str:
    """What keeps alerts from arriving; empty when nothing does."""
    now, standing = clock.wall_ms() / 1_000, place.standing()
    for name, words in PARTS.items():
        said = standing.get(name)
        if not said:
            return "the stream has not begun yet: no alerts so far"
        if not status.runs(said, now):
            return words.format(age(int(1_000 * (now - said["at"]))))
        if said["state"] != "open":
            return f"the stream is {said['state']}: {said['message']}"
    return ""
