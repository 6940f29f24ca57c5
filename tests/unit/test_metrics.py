import numpy as np
import pytest

from pipelines.train import metrics
from pipelines.train.calibrate import Calibration
from pipelines.train.evaluate import evaluate, unblocked
from pipelines.train.scores import Scores

DAY = metrics.DAY


def scores(rows: list[tuple[str, int, int, float]]) -> Scores:
    cards, times, labels, margins = zip(*rows, strict=True)
    ids = np.array([f"t{n}" for n in range(len(rows))])
    return Scores(
        ids, np.array(cards), np.array(times, dtype=np.int64), np.array(labels, float), np.array(margins, float)
    )


def test_ranking_figures_of_a_known_order() -> None:
    labels, order = np.array([1.0, 0, 1, 0, 0]), np.array([5.0, 4, 3, 2, 1])
    assert metrics.average_precision(labels, order) == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert metrics.auc(labels, order) == pytest.approx(5 / 6)


def test_ranking_figures_without_both_classes_are_unknown() -> None:
    assert np.isnan(metrics.auc(np.zeros(3), np.arange(3.0)))
    assert np.isnan(metrics.auc(np.ones(3), np.arange(3.0)))
    assert np.isnan(metrics.average_precision(np.zeros(3), np.arange(3.0)))


def test_alert_figures() -> None:
    labels, probabilities = np.array([1.0, 1, 0, 0, 1]), np.array([0.9, 0.5, 0.6, 0.1, 0.2])
    found = metrics.at_threshold(labels, probabilities, 0.5)
    assert found == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3})


def test_no_alerts_and_no_frauds_divide_by_nothing() -> None:
    assert metrics.at_threshold(np.zeros(2), np.zeros(2), 0.5) == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_card_precision_takes_the_worst_payment_of_a_card() -> None:
    day = scores([("a", 0, 0, 9.0), ("a", 1, 1, 0.1), ("b", 2, 0, 5.0), ("c", 3, 1, 1.0)])
    assert metrics.card_precision(day.labels, day.margins, day.times, day.cards, top=1) == 1.0
    assert metrics.card_precision(day.labels, day.margins, day.times, day.cards, top=2) == 0.5


def test_card_precision_looks_at_a_found_card_once() -> None:
    two_days = scores([("a", 0, 1, 9.0), ("b", 1, 0, 1.0), ("a", DAY, 1, 9.0), ("b", DAY + 1, 1, 1.0)])
    found = metrics.card_precision(two_days.labels, two_days.margins, two_days.times, two_days.cards, top=1)
    assert found == 1.0  # the second day checks b, since a was found on the first


def test_card_precision_divides_by_what_could_be_checked() -> None:
    one = scores([("a", 0, 1, 9.0)])
    assert metrics.card_precision(one.labels, one.margins, one.times, one.cards) == 0.01


def test_calibration_error_is_relative_to_what_was_expected() -> None:
    probabilities = np.repeat([0.1, 0.5], 1000)
    honest = np.concatenate([np.arange(1000) < 100, np.arange(1000) < 500]).astype(float)
    assert metrics.calibration_error(honest[::-1], probabilities[::-1], bins=2) == pytest.approx(0)
    assert metrics.calibration_error(honest, probabilities * 2, bins=2) == pytest.approx(0.5)


def test_cards_known_to_be_defrauded_when_the_day_began_are_left_out() -> None:
    frauds = scores([("old", 0, 1, 0.0), ("old", 3 * DAY, 1, 0.0), ("clean", 9 * DAY, 1, 1.0)])
    tested = scores(
        [
            ("old", 7 * DAY + 5, 0, 1.0),  # its fraud of day 0 is not known when day 7 begins
            ("old", 8 * DAY, 0, 1.0),
            ("clean", 9 * DAY, 1, 1.0),
            ("clean", 16 * DAY, 0, 1.0),
            ("clean", 17 * DAY, 0, 1.0),
        ]
    )
    left = unblocked(tested, frauds, 7)
    assert list(zip(left.cards, left.times // DAY, strict=True)) == [("old", 7), ("clean", 9), ("clean", 16)]


def test_evaluation_counts_and_ranks() -> None:
    figures = evaluate(scores([("a", 0, 1, 3.0), ("b", 1, 0, -3.0), ("c", 2, 0, -4.0)]), Calibration(1.0, 0.0))
    assert (figures["rows"], figures["frauds"], figures["auc"], figures["average_precision"]) == (3, 1, 1.0, 1.0)
    assert figures["precision"] == figures["recall"] == 1.0
