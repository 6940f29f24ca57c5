"""How good scores are. Plain numbers in, plain numbers out; no Spark."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

Numbers = NDArray[np.float64]

DAY: Final = 86_400_000
"""Milliseconds."""


def auc(labels: Numbers, scores: Numbers) -> float:
    """Area under the ROC curve; nan when only one class is there."""
    return float(roc_auc_score(labels, scores)) if 0 < labels.sum() < len(labels) else float("nan")


def average_precision(labels: Numbers, scores: Numbers) -> float:
    """Mean of the precision over recall steps; nan without frauds."""
    return float(average_precision_score(labels, scores)) if labels.sum() else float("nan")


def at_threshold(labels: Numbers, probabilities: Numbers, threshold: float) -> dict[str, float]:
    """Precision, recall and F1 of raising an alert from a probability on; 0 where there is nothing to divide by."""
    alerts = probabilities >= threshold
    hits = float((alerts & (labels > 0)).sum())
    precision = hits / max(float(alerts.sum()), 1.0)
    recall = hits / max(float(labels.sum()), 1.0)
    return {"precision": precision, "recall": recall, "f1": 2 * hits / max(float(alerts.sum() + labels.sum()), 1.0)}


def card_precision(
    labels: Numbers, scores: Numbers, times: NDArray[np.int64], cards: NDArray[np.str_], top: int = 100
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
    """
    days = times // DAY
    found: set[str] = set()
    precisions = []
    for day in np.unique(days):
        today = days == day
        hits, found = _checked(labels[today], scores[today], cards[today], found, top)
        precisions.append(hits / top)
    return float(np.mean(precisions)) if precisions else float("nan")


def calibration_error(labels: Numbers, probabilities: Numbers, bins: int = 20) -> float:
    """Mean distance between predicted and observed fraud share over bins of equally many payments, weighted by frauds expected.

    0.1 means: where the model expects 100 frauds, about 10 more or fewer occur. Relative, because most probabilities are tiny.
    """
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = sum(abs(float(probabilities[part].sum() - labels[part].sum())) for part in parts)
    return gaps / max(float(probabilities.sum()), 1e-12)


def _checked(
    labels: Numbers, scores: Numbers, cards: NDArray[np.str_], found: set[str], top: int
) -> tuple[int, set[str]]:
    fresh = ~np.isin(cards, list(found))
    worst: dict[str, tuple[float, bool]] = {}
    for card, score, fraud in zip(cards[fresh], scores[fresh], labels[fresh] > 0, strict=True):
        highest, any_fraud = worst.get(card, (-np.inf, False))
        worst[card] = (max(highest, score), any_fraud or bool(fraud))
    ranked = sorted(worst.items(), key=lambda item: (-item[1][0], item[0]))[:top]
    hits = {card for card, (_, fraud) in ranked if fraud}
    return len(hits), found | hits
