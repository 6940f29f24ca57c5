"""Which payments fit, calibrate and test a model: always in this order in time, with the label delay in between.

    fit_from .. calibrate_from .. train_until ... label delay ... test_from .. test_until

A label is known `delay` after its payment. The model that serves from `test_from` on can know the labels of payments
before `test_from - delay`, and nothing later: that is where training ends. All bounds are epoch milliseconds, from
inclusive, until exclusive.
"""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from pipelines.errors import UsageError

DAY: Final = 86_400_000
"""Milliseconds."""


class Split(NamedTuple):
    """The four windows of an honest evaluation, epoch milliseconds."""

    fit_from: int
    calibrate_from: int
    train_until: int
    test_from: int
    test_until: int


def between(train_from: int, train_until: int, test_from: int, test_until: int, delay_days: int) -> Split:
    """The split for given dates; training ends earlier than asked where labels would not be known by `test_from`.

    The last sixth of the training days (1 to 14 days) calibrates.

    Raises:
        UsageError: dates are not in order, or nothing is left to train on.
    """
    known_until = min(train_until, test_from - delay_days * DAY)
    days = (known_until - train_from) / DAY
    if days < 2:
        raise UsageError(
            f"from {day(train_from)} only {max(days, 0):.0f} days have labels that are known by {day(test_from)} "
            f"(label delay {delay_days} days); train from an earlier day or test from a later one"
        )
    if test_until <= test_from:
        raise UsageError(f"the test ends on {day(test_until)}, not after it begins on {day(test_from)}")
    calibrate_days = min(max(round(days / 6), 1), 14)
    return Split(train_from, known_until - calibrate_days * DAY, known_until, test_from, test_until)


def prequential(
    train_from: int | None,
    train_until: int | None,
    test_from: int,
    test_until: int,
    fold_days: int | None,
    train_days: int | None,
    delay_days: int,
) -> list[Split]:
    """Folds of the test window, one after another, each with a model that knew what was known when its fold began.

    Dawid, Present Position and Potential Developments: Prequential Approach (1984).

    Args:
        train_from: first time to learn from; None with `train_days`.
        train_until: no payment from this time on is learned from; None: all whose labels are known.
        test_from: where the first fold begins.
        test_until: where the last one ends.
        fold_days: length of a fold; None for one fold.
        train_days: learn from so many days, the latest whose labels are known; None with `train_from`.
        delay_days: label delay.

    Raises:
        UsageError: dates are not in order, or nothing is left to train on; neither or both of a first day and a number of days.
    """
    if (train_from is None) == (train_days is None):
        raise UsageError("say either the first day to learn from or how many days, not both")
    length = fold_days * DAY if fold_days else max(test_until - test_from, 1)
    folds = []
    for begin in range(test_from, max(test_until, test_from + 1), length):
        known = min(train_until or begin, begin - delay_days * DAY)
        first = train_from if train_from is not None else known - (train_days or 0) * DAY
        folds.append(between(first, known, begin, min(begin + length, test_until), delay_days))
    return folds


def of_history(first: int, end: int, delay_days: int) -> Split:
    """The split of a history that ends at `end`: its last sixth of mature days tests, its first tenth only fills the past.

    Args:
        first: time of the first payment.
        end: time up to which verdicts are known; payments younger than the label delay are not mature.
        delay_days: label delay.

    Raises:
        UsageError: the history is too short.
    """
    mature = end - delay_days * DAY
    days = (mature - first) / DAY
    test_from = mature - max(round(days / 6), 1) * DAY
    return between(first + round(days / 10) * DAY, test_from, test_from, mature, delay_days)


def epoch(time: str) -> int:
    """Epoch milliseconds of an ISO-8601 time."""
    return round(datetime.fromisoformat(time).timestamp() * 1000)


def milliseconds(days: int) -> int:
    """So many days in milliseconds."""
    return days * DAY


def day(time: int) -> str:
    """ISO date of an epoch time in milliseconds, UTC."""
    return datetime.fromtimestamp(time / 1000, UTC).date().isoformat()
