"""How good scores are. Plain numbers in, plain numbers out; no Spark.

`weights` says for how many payments each one stands; None: each for itself.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

Numbers = NDArray[np.float64]
Weights = NDArray[np.float64] | None

DAY: Final = 86_400_000
"""Milliseconds."""


def auc(labels: Numbers, scores: Numbers, weights: Weights = None) -> float:
    """Area under the ROC curve; nan when only one class is there."""
    both = 0 < labels.sum() < len(labels)
    return float(roc_auc_score(labels, scores, sample_weight=weights)) if both else float("nan")


def average_precision(labels: Numbers, scores: Numbers, weights: Weights = None) -> float:
    """Mean of the precision over recall steps; nan without frauds."""
    return float(average_precision_score(labels, scores, sample_weight=weights)) if labels.sum() else float("nan")


def recall_at(labels: Numbers, scores: Numbers, false_alarms: float, weights: Weights = None) -> float:
    """Share of frauds found by the threshold that alarms at most a share of the genuine payments; nan with one class only."""
    if not 0 < labels.sum() < len(labels):
        return float("nan")
    alarmed, found, _ = roc_curve(labels, scores, sample_weight=weights)
    return float(found[alarmed <= false_alarms].max())


def at_threshold(
    labels: Numbers, probabilities: Numbers, threshold: float, weights: Weights = None
) -> dict[str, float]:
    """Precision, recall and F1 of raising an alert from a probability on; 0 where there is nothing to divide by."""
    each = np.ones_like(labels) if weights is None else weights
    alerts = float(each[probabilities >= threshold].sum())
    frauds = float((each * labels).sum())
    hits = float((each * labels)[probabilities >= threshold].sum())
    return {
        "precision": hits / alerts if alerts else 0.0,
        "recall": hits / frauds if frauds else 0.0,
        "f1": 2 * hits / (alerts + frauds) if alerts + frauds else 0.0,
    }


def card_precision(
    labels: Numbers,
    scores: Numbers,
    times: NDArray[np.int64],
    cards: NDArray[Any],
    top: int = 100,
    copies: Weights = None,
) -> float:
    """Share of truly defrauded cards among the `top` most suspicious cards of a day, mean over days.

    A card scores as its most suspicious payment of that day. Cards that were found on an earlier day are not looked at again
    (Le Borgne et al., Fraud Detection Handbook, chapter 4).

    Args:
        labels: 1 fraud, 0 genuine.
        scores: higher is more suspicious.
        times: epoch milliseconds, UTC days.
        cards: whose payment it was.
        top: cards that can be checked a day.
        copies: how many cards each payment's card stands for (whole numbers, above 0).
    """
    days = times // DAY
    names, whose = np.unique(cards, return_inverse=True)
    found = np.zeros(len(names), dtype=bool)
    count = np.ones(len(names))
    if copies is not None:
        count[whose] = copies
    precisions = []
    for day in np.unique(days):
        today = np.flatnonzero((days == day) & ~found[whose])
        ordered = today[np.lexsort((whose[today], -scores[today]))]
        seen, first = np.unique(whose[ordered], return_index=True)
        ranked = seen[np.argsort(first)]
        before = np.cumsum(count[ranked]) - count[ranked]
        checked = np.clip(top - before, 0, count[ranked])
        hit = (np.bincount(whose[today], labels[today], len(names)) > 0)[ranked] & (checked > 0)
        found[ranked[hit]] = True
        precisions.append(float(checked[hit].sum()) / top)
    return float(np.mean(precisions)) if precisions else float("nan")


def calibration_error(labels: Numbers, probabilities: Numbers, bins: int = 20, weights: Weights = None) -> float:
    """Mean distance between predicted and observed fraud share over bins of equally many payments, weighted by frauds expected.

    0.1 means: where the model expects 100 frauds, about 10 more or fewer occur. Relative, because most probabilities are tiny.
    """
    each = np.ones_like(labels) if weights is None else weights
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = sum(abs(float((each * (probabilities - labels))[part].sum())) for part in parts)
    return gaps / max(float((each * probabilities).sum()), 1e-12)


def calibration_chance(probabilities: Numbers, weights: Weights = None, draws: int = 50) -> float:
    """Mean calibration error if every probability were true: what chance alone makes of so few frauds.

    Broecker and Smith, Increasing the Reliability of Reliability Diagrams, Weather and Forecasting 22 (2007).
    """
    chance = np.random.default_rng(1)
    drawn = ((chance.random(len(probabilities)) < probabilities).astype(float) for _ in range(draws))
    return float(np.mean([calibration_error(labels, probabilities, weights=weights) for labels in drawn]))
