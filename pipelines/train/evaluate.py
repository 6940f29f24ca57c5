"""The figures by which a model is judged on days it did not see."""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.rules.policy import Policy
from pipelines.train import metrics, money
from pipelines.train.intervals import draws, intervals
from pipelines.train.metrics import Numbers
from pipelines.train.scores import Frauds, Scores

FALSE_ALARMS: Final = (0.001, 0.005, 0.01)
"""Shares of genuine payments that may be alarmed."""
NEW_CARD_DAYS: Final = 30.0
TOLD: Final = 50
"""Draws between two words about how far it is."""
FEW: Final = 5
"""Frauds below which a segment's figures would follow chance."""
BANDS: Final = ("lowest quarter", "second quarter", "third quarter", "highest quarter")


class Judgement(NamedTuple):
    """What evaluation says.

    `figures`: name -> value; nan where there is nothing to judge by. `intervals`: name -> (low, high), 95%, bootstrap by card.
    `segments`: kind, name, rows, frauds, average_precision, precision and recall of each group of payments.
    """

    figures: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    segments: list[dict[str, Any]]

    def facts(self) -> dict[str, Any]:
        """For JSON, which knows no nan."""
        return {
            **_known(self.figures),
            "intervals": {name: [round(low, 6), round(high, 6)] for name, (low, high) in self.intervals.items()},
            "segments": [_known(segment) for segment in self.segments],
        }

    def flat(self) -> dict[str, float]:
        """One number a name, for MLflow, which refuses nan."""
        edges = {
            f"{name}_{edge}": value
            for name, both in self.intervals.items()
            for edge, value in zip(("low", "high"), both, strict=True)
        }
        parts = {
            f"segment/{part['kind']}/{part['name']}/{name}": part[name]
            for part in self.segments
            for name in ("average_precision", "precision", "recall")
        }
        return {name: value for name, value in (self.figures | edges | parts).items() if value == value}


def judge(
    scores: Scores,
    probabilities: Numbers,
    policy: Policy,
    resamples: int = 0,
    note: Callable[[str], None] = lambda _: None,
) -> Judgement:
    """Judge.

    Args:
        scores: payments of the test days; none is too few.
        probabilities: calibrated, one a payment; they rank as the margins do, and across models of several days.
        policy: its thresholds and costs.
        resamples: draws behind the intervals; 0 for none.
        note: told how far it is.
    """
    found = figures(scores, probabilities, policy)
    counted: dict[str, float] = {"rows": len(scores.labels), "frauds": int(scores.labels.sum())}
    numbered = scores._replace(cards=np.unique(scores.cards, return_inverse=True)[1])
    edges = intervals(_redrawn(numbered, probabilities, policy, resamples, note))
    return Judgement(counted | found, edges, list(_segments(scores, probabilities, policy)))


def figures(scores: Scores, probabilities: Numbers, policy: Policy, drawn: Numbers | None = None) -> dict[str, float]:
    """Ranking figures over all payments, alert figures from the policy's hold on, calibration error, money saved.

    `drawn`: how often each payment's card counts, above 0; None: once each.
    """
    labels = scores.labels
    weights = scores.weights if drawn is None else scores.weights * drawn
    risk = money.at_risk(scores, weights)
    saved = money.saved(scores, probabilities, policy, weights)
    return {
        "auc": metrics.auc(labels, probabilities, weights),
        "average_precision": metrics.average_precision(labels, probabilities, weights),
        "card_precision_at_100": metrics.card_precision(
            labels, probabilities, scores.times, scores.cards, copies=drawn
        ),
        **metrics.at_threshold(labels, probabilities, policy.thresholds.hold, weights),
        **{
            f"recall_at_{share:.1%}_false_alarms".replace("%", "_percent"): metrics.recall_at(
                labels, probabilities, share, weights
            )
            for share in FALSE_ALARMS
        },
        "calibration_error": metrics.calibration_error(labels, probabilities, weights=weights),
        "money_saved": saved,
        "money_saved_share": saved / risk if risk else float("nan"),
    }


class Comparison(NamedTuple):
    """Challenger less champion on the same payments: (difference, low, high), 95%, paired bootstrap by card.

    `champion`, `challenger`: name -> figure. `figures`: name -> difference. `segments`: kind and name -> difference in average
    precision.
    """

    champion: dict[str, float]
    challenger: dict[str, float]
    figures: dict[str, tuple[float, float, float]]
    segments: dict[str, tuple[float, float, float]]


def compare(
    scores: Scores,
    champion: Numbers,
    challenger: Numbers,
    policy: Policy,
    resamples: int,
    note: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Compare the probabilities that two models give to the same payments; `note` is told how far it is."""
    numbered = scores._replace(cards=np.unique(scores.cards, return_inverse=True)[1])
    groups = {f"{part.kind}: {part.name}": part.chosen for part in _parts(scores)}

    def differences(drawn: Numbers | None) -> dict[str, float]:
        there = np.ones(len(scores.labels), dtype=bool) if drawn is None else drawn > 0
        weights, some = None if drawn is None else drawn[there], numbered.where(there)
        old, new = (figures(some, each[there], policy, weights) for each in (champion, challenger))
        parts = {
            name: _precision_gained(numbered, champion, challenger, chosen & there, drawn)
            for name, chosen in groups.items()
        }
        return {name: new[name] - old[name] for name in new} | parts

    found = differences(None)
    edges = intervals(differences(drawn) for drawn in _told(draws(numbered.cards, resamples), resamples, note))
    unknown = (float("nan"), float("nan"))
    both = {name: (value, *edges.get(name, unknown)) for name, value in found.items()}
    return Comparison(
        figures(scores, champion, policy),
        figures(scores, challenger, policy),
        {name: value for name, value in both.items() if name not in groups},
        {name: both[name] for name in groups},
    )


def unblocked(scores: Scores, frauds: Frauds, delay_days: int) -> NDArray[np.bool_]:
    """Which payments are left without those of cards that were known to be defrauded when the day began: these are blocked.

    A fraud is known `delay_days` after its payment (Le Borgne et al., Fraud Detection Handbook, chapter 5).

    Args:
        scores: payments of the test days.
        frauds: what turned out to be fraud in these and earlier days.
        delay_days: label delay.
    """
    known: dict[str, int] = {}
    for card, time in zip(frauds.cards, frauds.times, strict=True):
        known[card] = min(int(time), known.get(card, int(time)))
    never = np.iinfo(np.int64).max
    first = np.array([known.get(card, never) for card in scores.cards], dtype=np.int64)
    day_begins = scores.times // metrics.DAY * metrics.DAY
    return np.asarray(first >= day_begins - delay_days * metrics.DAY)


def _told(drawn: Iterator[Numbers], resamples: int, note: Callable[[str], None]) -> Iterator[Numbers]:
    for number, each in enumerate(drawn, 1):
        yield each
        if number % TOLD == 0:
            note(f"draw {number} of {resamples}")


def _redrawn(
    scores: Scores, probabilities: Numbers, policy: Policy, resamples: int, note: Callable[[str], None]
) -> Iterator[dict[str, float]]:
    for drawn in _told(draws(scores.cards, resamples), resamples, note):
        there = drawn > 0
        yield figures(scores.where(there), probabilities[there], policy, drawn[there])


class _Part(NamedTuple):
    kind: str
    name: str
    chosen: NDArray[np.bool_]


def _parts(scores: Scores) -> Iterator[_Part]:
    """Groups that neither are empty of frauds nor hold every payment."""
    for kind, names in _groups(scores).items():
        for name in np.unique(names):
            chosen = names == name
            if scores.labels[chosen].sum() >= FEW and not chosen.all():
                yield _Part(kind, str(name), chosen)


def _precision_gained(
    scores: Scores, champion: Numbers, challenger: Numbers, chosen: NDArray[np.bool_], drawn: Numbers | None
) -> float:
    labels = scores.labels[chosen]
    weights = scores.weights[chosen] if drawn is None else (scores.weights * drawn)[chosen]
    old, new = (metrics.average_precision(labels, each[chosen], weights) for each in (champion, challenger))
    return new - old


def _segments(scores: Scores, probabilities: Numbers, policy: Policy) -> Iterator[dict[str, Any]]:
    for kind, name, chosen in _parts(scores):
        part = scores.where(chosen)
        yield {
            "kind": kind,
            "name": name,
            "rows": len(part.labels),
            "frauds": int(part.labels.sum()),
            "average_precision": metrics.average_precision(part.labels, probabilities[chosen], part.weights),
            **metrics.at_threshold(part.labels, probabilities[chosen], policy.thresholds.hold, part.weights),
        }


def _groups(scores: Scores) -> dict[str, NDArray[Any]]:
    edges = np.quantile(scores.amounts, [0.25, 0.5, 0.75]) if len(scores.amounts) else np.zeros(3)
    return {
        "channel": scores.channels,
        "amount": np.array(BANDS)[np.searchsorted(edges, scores.amounts)],
        "card": np.where(scores.ages < NEW_CARD_DAYS, "new", "known"),
    }


def _known(found: dict[str, Any]) -> dict[str, Any]:
    return {
        name: (round(value, 6) if value == value else None) if isinstance(value, float) else value
        for name, value in found.items()
    }
