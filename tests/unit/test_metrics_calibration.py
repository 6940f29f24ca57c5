import math

import numpy as np
import pytest

from pipelines.train import metrics
from pipelines.train.calibrate import Calibration, calibrate, platt, undersampling


def drawn(slope: float, intercept: float, rows: int = 200_000) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(3)
    margins = chance.normal(-1, 1.5, rows)
    true = 1 / (1 + np.exp(-(slope * margins + intercept)))
    return margins, (chance.random(rows) < true).astype(float)


def test_finds_the_numbers_that_made_the_labels() -> None:
    margins, labels = drawn(1.7, -3.0)
    found = platt(margins, labels, np.ones_like(labels))
    assert (found.slope, found.intercept) == pytest.approx((1.7, -3.0), abs=0.05)


def test_probabilities_mean_what_they_say() -> None:
    margins, labels = drawn(1.2, -4.0)
    assert (
        metrics.calibration_error(labels, calibrate(margins, labels, 0.1, np.ones_like(labels)).probabilities(margins))
        < 0.1
    )
    assert metrics.calibration_error(labels, Calibration(2.0, 0.0).probabilities(margins)) > 0.5


def test_a_weight_is_as_good_as_so_many_payments() -> None:
    margins, labels = drawn(1.2, -1.0, 500)
    weights = np.random.default_rng(1).integers(1, 5, 500)
    many = np.repeat(np.arange(500), weights)
    weighted = platt(margins, labels, weights.astype(float))
    assert weighted == pytest.approx(platt(margins[many], labels[many], np.ones(len(many))))


def test_separable_labels_stay_finite() -> None:
    margins = np.concatenate([np.full(50, 2.0), np.full(5000, -2.0)])
    found = platt(margins, (margins > 0).astype(float), np.ones_like(margins))
    assert math.isfinite(found.slope)
    assert 0.9 < found.probabilities(np.array([2.0]))[0] < 1


def test_few_frauds_only_correct_for_undersampling() -> None:
    margins, labels = np.linspace(-2, 2, 1000), np.zeros(1000)
    labels[:9] = 1
    assert calibrate(margins, labels, 0.25, np.ones_like(labels)) == undersampling(0.25)


def test_a_model_that_ranks_backwards_is_not_turned_round() -> None:
    margins, labels = drawn(1.0, -3.0)
    assert calibrate(-margins, labels, 0.5, np.ones_like(labels)) == undersampling(0.5)


def test_undersampling_corrects_the_odds() -> None:
    margin = 0.4
    raw = 1 / (1 + math.exp(-2 * margin))
    kept = 0.05  # odds among the kept rows are 20 times those among all
    corrected = undersampling(kept).probabilities(np.array([margin]))[0]
    assert corrected / (1 - corrected) == pytest.approx(kept * raw / (1 - raw))


def test_extreme_margins_give_probabilities() -> None:
    assert Calibration(2.0, 0.0).probabilities(np.array([-1e6, 1e6])) == pytest.approx([0, 1])
