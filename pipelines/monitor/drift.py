"""Drift of features and score against what the model in service was trained on."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from pipelines import spread
from pipelines.monitor.findings import FEATURE, MISSING, SCORE, Finding, early, judged
from pipelines.spread import Spread

PSI: Final = 0.2
"""The usual bound of a shift that matters (Siddiqi, Credit Risk Scorecards, 2006), beside what chance and habit make."""
JENSEN_SHANNON: Final = 0.036
"""Bits; where PSI is small it is about this share of it."""
UNKNOWN: Final = 0.1
"""Shares of unknown values may differ by so much."""
FEWEST: Final = 100
"""Independent values below which nothing is judged."""


def features(past: Mapping[str, Spread], present: Mapping[str, Spread], accruing: Collection[str]) -> Iterator[Finding]:
    """Each feature: its distribution, and how often it is unknown.

    Args:
        past: feature -> spread in training.
        present: the same now, over the same bins.
        accruing: features that grow with the record: they are measured, and raise nothing.
    """
    for name, before in past.items():
        now = present[name]
        yield from _moved(FEATURE, name, before, now, name not in accruing)
        yield _unknown(name, before, now, name not in accruing)


def score(past: Spread, present: Spread) -> Iterator[Finding]:
    """The calibrated probability."""
    return _moved(SCORE, "probability", past, present, True)


def _moved(kind: str, name: str, past: Spread, present: Spread, counts: bool) -> Iterator[Finding]:
    if few := _too_few(past, present):
        yield early(kind, name, "psi", few)
        return
    noise = spread.chance(past, present)
    found = (
        ("psi", spread.psi(past.counts, present.counts), PSI + past.own_psi + noise),
        (
            "jensen_shannon",
            spread.jensen_shannon(past.counts, present.counts),
            JENSEN_SHANNON * (1 + noise / PSI) + past.own_js,
        ),
    )
    alarm = counts and all(value > limit for _, value, limit in found)
    habit = "" if counts else "; it grows with the record and raises nothing"
    words = ", ".join(f"{measure} {value:.3f} (limit {limit:.3f})" for measure, value, limit in found)
    for measure, value, limit in found:
        yield Finding(kind, name, measure, value, limit, judged(alarm), f"{name}: {words}{habit}")


def _unknown(name: str, past: Spread, present: Spread, counts: bool) -> Finding:
    by, limit = present.unknown - past.unknown, UNKNOWN + past.own_js
    if few := _too_few(past, present):
        return early(MISSING, name, "unknown", few)
    words = f"{name} is unknown in {present.unknown:.1%} of payments, in training {past.unknown:.1%}"
    return Finding(
        MISSING, name, "unknown", present.unknown, past.unknown + limit, judged(counts and abs(by) > limit), words
    )


def _too_few(past: Spread, present: Spread) -> str:
    """Why nothing can be judged; empty when it can."""
    if min(past.independent, present.independent) >= FEWEST:
        return ""
    return f"as much as {present.independent} independent payments say, {FEWEST} are needed"
