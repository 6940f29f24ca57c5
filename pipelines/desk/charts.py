"""Charts of the monitor: lines over at most an hour as points in a square, with what has changed marked on each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

MINUTES: Final = 60
LEAST_MINUTES: Final = 10

Points = Mapping[int, float]
"""Minute (epoch minutes) -> value."""


class Line(NamedTuple):
    """A line: its name, its latest value, its points as SVG wants them, the last of them, and how many minutes ago it begins."""

    name: str
    latest: float | None
    points: str
    end: tuple[str, str] | None
    minutes: int


class Mark(NamedTuple):
    """A moment at which something changed: where it is, 0 to 100, and what."""

    x: float
    words: str


class Chart(NamedTuple):
    """A question and its answer: in words, whether all is well (None: too early to say), and drawn."""

    question: str
    answer: str
    is_well: bool | None
    lines: Sequence[Line] = ()
    most: float = 0.0
    unit: str = ""
    marks: Sequence[Mark] = ()


def chart(
    question: str,
    answer: str,
    is_well: bool | None,
    series: Mapping[str, Points],
    now: int,
    unit: str = "",
    marks: Sequence[Mark] = (),
) -> Chart:
    """A chart of values by minute, the last MINUTES of them; the present one is not over and would look like a fall.

    Args:
        question: what it answers.
        answer: the answer in words.
        is_well: whether that is as it should be; None when it is too early to say.
        series: name -> values by minute.
        now: the present minute.
        unit: of the values.
        marks: what has changed.
    """
    shown = {
        name: sorted((minute, value) for minute, value in points.items() if now - MINUTES <= minute < now)
        for name, points in series.items()
    }
    most = max((value for points in shown.values() for _, value in points), default=0.0) or 1.0
    lines = [_line(name, points, now, most) for name, points in shown.items()]
    return Chart(question, answer, is_well, lines, most, unit, marks)


def minutes(charts: Iterable[Chart]) -> int:
    """How much of the hour is worth showing: from where the first line begins. A run that is young would be a dot at the edge."""
    longest = max((line.minutes for chart in charts for line in chart.lines), default=0)
    return min(MINUTES, max(LEAST_MINUTES, longest + 1))


def place(minute: float, now: int) -> float:
    """Where a minute stands from left (an hour ago) to right (now)."""
    return 100 * (1 - (now - minute) / MINUTES)


def _line(name: str, shown: Sequence[tuple[int, float]], now: int, most: float) -> Line:
    drawn = [(f"{place(minute, now):.1f}", f"{100 - 100 * value / most:.1f}") for minute, value in shown]
    joined = " ".join(",".join(point) for point in drawn)
    latest, age = (shown[-1][1], now - shown[0][0]) if shown else (None, 0)
    return Line(name, latest, joined, drawn[-1] if drawn else None, age)
