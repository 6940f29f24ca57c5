"""The figures by which a model is judged on days it did not see."""

import numpy as np

from pipelines.train import metrics
from pipelines.train.calibrate import Calibration
from pipelines.train.scores import Scores

ALERT_PROBABILITY = 0.5


def evaluate(scores: Scores, calibration: Calibration) -> dict[str, float]:
    """Rows, frauds, ranking figures over all payments, alert figures from a probability of one half on, calibration error."""
    labels, probabilities = scores.labels, calibration.probabilities(scores.margins)
    return {
        "rows": len(labels),
        "frauds": int(labels.sum()),
        "auc": metrics.auc(labels, scores.margins),
        "average_precision": metrics.average_precision(labels, scores.margins),
        "card_precision_at_100": metrics.card_precision(labels, scores.margins, scores.times, scores.cards),
        **metrics.at_threshold(labels, probabilities, ALERT_PROBABILITY),
        "calibration_error": metrics.calibration_error(labels, probabilities),
    }


def unblocked(scores: Scores, frauds: Scores, delay_days: int) -> Scores:
    """Without payments of cards that were known to be defrauded when their day began: such cards are blocked.

    A fraud is known `delay_days` after its payment (Le Borgne et al., Fraud Detection Handbook, chapter 5).

    Args:
        scores: payments of the test days.
        frauds: what turned out to be fraud in these and earlier days; margins are not looked at.
        delay_days: label delay.
    """
    known: dict[str, int] = {}
    for card, time in zip(frauds.cards, frauds.times, strict=True):
        known[card] = min(int(time), known.get(card, int(time)))
    never = np.iinfo(np.int64).max
    first = np.array([known.get(card, never) for card in scores.cards], dtype=np.int64)
    day_begins = scores.times // metrics.DAY * metrics.DAY
    return scores.where(first >= day_begins - delay_days * metrics.DAY)
