"""What a watch finds: one measure of one thing, and whether it is as usual."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

QUIET: Final = "quiet"
ALARM: Final = "alarm"
EARLY: Final = "early"
State = Literal["quiet", "alarm", "early"]
FEATURE: Final = "feature"
SCORE: Final = "score"
SCHEMA: Final = "schema"
ALERTS: Final = "alerts"
PRECISION: Final = "precision"
MISSING: Final = "missing"
VOLUME: Final = "volume"
KINDS: Final = (FEATURE, SCORE, SCHEMA, ALERTS, PRECISION, MISSING, VOLUME)


class Finding(NamedTuple):
    """A measure.

    Attributes:
        kind: one of KINDS.
        subject: feature, field, day; whatever is measured.
        measure: what of it: psi, jensen_shannon, share, ratio ...
        value: None where there is too little to say.
        limit: beyond it is an alarm; None where there is no single number.
        state: alarm, quiet, or early where it is too early to say.
        words: for people.
        low, high: 95% interval of the value, where it has one.
    """

    kind: str
    subject: str
    measure: str
    value: float | None
    limit: float | None
    state: State
    words: str
    low: float | None = None
    high: float | None = None


def judged(alarm: bool) -> State:
    """The state of what can be judged."""
    return ALARM if alarm else QUIET


def early(kind: str, subject: str, measure: str, words: str) -> Finding:
    """Nothing can be said yet; `words` say why."""
    return Finding(kind, subject, measure, None, None, EARLY, words)


def raised(found: Iterable[Finding]) -> list[Finding]:
    """The alarms, one a subject."""
    once: dict[tuple[str, str], Finding] = {}
    for one in found:
        if one.state == ALARM:
            once.setdefault((one.kind, one.subject), one)
    return list(once.values())


def report(found: Sequence[Finding]) -> str:
    """What was found, for people: alarms first."""
    return "\n".join([*(f"  ALARM  {one.kind:9}  {one.words}" for one in raised(found)), f"  {words(found)}"])


def words(found: Sequence[Finding]) -> str:
    """What was found, in a line."""
    alarms = raised(found)
    waiting = sum(one.state == EARLY for one in found)
    told = (
        f"{len(alarms)} alarms: {', '.join(f'{one.kind} {one.subject}' for one in alarms[:5])}"
        if alarms
        else "nothing raised"
    )
    return f"{told}; {len(found)} measures, {waiting} of them too early to judge"
