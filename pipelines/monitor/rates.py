"""Rates in service against what is usual in this run: alerts, their precision, missing values, volume."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy.stats import binomtest

from pipelines.monitor.findings import ALERTS, MISSING, PRECISION, VOLUME, Finding, early, judged

FEWEST_PAYMENTS: Final = 1000
FEWEST_ALERTS: Final = 20
FEWEST_CARDS: Final = 100
FEWEST_DAYS: Final = 4
TIMES: Final = 2.0
"""Alerts may be so many times the usual share, and not less than its inverse."""
PRECISION_LOST: Final = 0.1
POINTS: Final = 0.1
"""Missing values may differ by so much of all payments."""
STRAY: Final = 5.0
"""Standard deviations beyond which a difference is no chance, in a month of looks at dozens of measures."""
DAY_STRAYS: Final = 4.0
HOUR_STRAYS: Final = 6.0
"""The same for volumes: there are many hours, and few payments in each."""
HALF: Final = 0.5
"""A volume is odd if it also is above (1 + this) times the usual, or below this share of it."""
NORMAL: Final = 1.4826
"""Median absolute deviation to standard deviation of a normal distribution."""


class Count(NamedTuple):
    """So many of so many."""

    some: int
    all: int

    @property
    def share(self) -> float:
        """0 of nothing is 0."""
        return self.some / max(self.all, 1)

    @property
    def interval(self) -> tuple[float, float]:
        """95% by Wilson."""
        found = binomtest(self.some, self.all).proportion_ci(method="wilson")
        return float(found.low), float(found.high)


def alerts(usual: Count, now: Count) -> Finding:
    """Share of payments that were not approved, against earlier decisions of the same model."""
    if min(usual.all, now.all) < FEWEST_PAYMENTS or usual.some < FEWEST_ALERTS:
        return early(
            ALERTS, "rate", "share", f"{usual.all:,} earlier payments by this model, {FEWEST_PAYMENTS:,} are needed"
        )
    (low, high), (usual_low, usual_high) = now.interval, usual.interval
    alarm = low > TIMES * usual_high or high < usual_low / TIMES
    words = f"{now.share:.2%} of payments were not approved ({low:.2%} to {high:.2%}), before {usual.share:.2%}"
    return Finding(ALERTS, "rate", "share", now.share, TIMES * usual_high, judged(alarm), words, low, high)


def precision(usual: Count, now: Count) -> Finding:
    """Frauds among the alerts that have a verdict, against earlier ones."""
    if min(usual.all, now.all) < FEWEST_ALERTS:
        return early(
            PRECISION,
            "alerts",
            "precision",
            f"{now.all} alerts with a verdict, {usual.all} earlier ones; {FEWEST_ALERTS} are needed",
        )
    (low, high), (usual_low, _) = now.interval, usual.interval
    limit = min(usual_low, usual.share - PRECISION_LOST)
    before = f"before {usual.share:.0%} of {usual.all}"
    words = f"{now.share:.0%} of {now.all} alerts with a verdict were fraud ({low:.0%} to {high:.0%}), {before}"
    return Finding(PRECISION, "alerts", "precision", now.share, limit, judged(high < limit), words, low, high)


def missing(usual: Mapping[str, Count], now: Mapping[str, Count], cards: int) -> Iterator[Finding]:
    """How often each optional field of a payment is missing. Payments of a card are alike: `cards` is how many there are."""
    for name, before in usual.items():
        after = now[name]
        if cards < FEWEST_CARDS or before.all < FEWEST_PAYMENTS:
            yield early(MISSING, name, "share", f"only {cards} cards, {FEWEST_CARDS} are needed")
            continue
        spread = np.sqrt(max(before.share * (1 - before.share), 1 / cards) / cards)
        limit = max(POINTS, STRAY * spread)
        words = f"{name} is missing in {after.share:.1%} of payments, before in {before.share:.1%}"
        alarm = abs(after.share - before.share) > limit
        yield Finding(MISSING, name, "share", after.share, before.share + limit, judged(alarm), words)


def volume(subject: str, usual: Sequence[int], now: int, strays: float = DAY_STRAYS) -> Finding:
    """Payments of a day, or of an hour of the day, against those of earlier days of its kind.

    The spread is the larger of a robust one and a Poisson variable's. A day is odd if it strays far and is much more or less.
    """
    if len(usual) < FEWEST_DAYS:
        return early(VOLUME, subject, "payments", f"{len(usual)} earlier days, {FEWEST_DAYS} are needed")
    middle = float(np.median(usual))
    spread = max(NORMAL * float(np.median(np.abs(np.asarray(usual) - middle))), np.sqrt(max(middle, 1.0)))
    low, high = (middle + sign * strays * spread for sign in (-1, 1))
    alarm = now > max(high, (1 + HALF) * middle) or now < min(low, HALF * middle)
    words = f"{now:,} payments {subject}, usually {middle:,.0f}"
    return Finding(
        VOLUME, subject, "payments", now, max(high, (1 + HALF) * middle), judged(alarm), words, max(low, 0.0), high
    )
