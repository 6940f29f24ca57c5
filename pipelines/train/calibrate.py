"""From the model's margin to a probability that means what it says: Platt scaling, two numbers, served as SQL.

Platt, Probabilistic outputs for support vector machines (1999), with the smoothed targets and the damped Newton steps of
Lin, Lin and Weng, A note on Platt's probabilistic outputs (2007). Fitted on later rows that were not undersampled.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from pipelines.train.metrics import Numbers

FEW_FRAUDS: Final = 10
"""Below this many the two numbers would follow chance; the correction for undersampling needs none."""


class Calibration(NamedTuple):
    """probability = 1 / (1 + exp(-(slope * margin + intercept)))."""

    slope: float
    intercept: float

    @property
    def sql(self) -> str:
        """Spark SQL over a column `margin` (double)."""
        return f"1D / (1D + exp(-({self.slope!r}D * margin + ({self.intercept!r}D))))"

    def probabilities(self, margins: Numbers) -> Numbers:
        """The same in numpy."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.slope * margins + self.intercept, -700, 700))))


def calibrate(margins: Numbers, labels: Numbers, genuine_share: float, weights: Numbers) -> Calibration:
    """Fit the calibration.

    Args:
        margins: the model's outputs on rows it was not fitted on.
        labels: 1 fraud, 0 genuine.
        genuine_share: share of genuine rows that the model was fitted on.
        weights: for how many rows each one stands.
    """
    if labels.sum() < FEW_FRAUDS or labels.sum() == len(labels):
        return undersampling(genuine_share)
    fitted = platt(margins, labels, weights)
    return fitted if fitted.slope > 0 else undersampling(genuine_share)


def undersampling(genuine_share: float) -> Calibration:
    """What probability theory alone says: the margin is half the log odds, and odds grew by 1 / genuine_share in sampling."""
    return Calibration(2.0, math.log(genuine_share))


def platt(margins: Numbers, labels: Numbers, each: Numbers) -> Calibration:
    """The slope and intercept of maximal likelihood, with targets pulled slightly inwards."""
    frauds, genuine = (each * labels).sum(), (each * (1 - labels)).sum()
    targets = np.where(labels > 0, (frauds + 1) / (frauds + 2), 1 / (genuine + 2))
    design = np.column_stack([margins, np.ones_like(margins)])
    weights = np.array([1.0, math.log((frauds + 1) / (genuine + 1))])
    for _ in range(100):
        step = _newton(design, targets, weights, each)
        weights = weights + step
        if np.abs(step).max() < 1e-10:
            break
    return Calibration(float(weights[0]), float(weights[1]))


def _newton(design: Numbers, targets: Numbers, weights: Numbers, each: Numbers) -> Numbers:
    linear = design @ weights
    found = 1 / (1 + np.exp(-np.clip(linear, -700, 700)))
    gradient = design.T @ (each * (targets - found))
    curvature = (design * (each * found * (1 - found))[:, None]).T @ design + 1e-9 * np.eye(2)
    step = np.linalg.solve(curvature, gradient)
    before = _loss(linear, targets, each)
    for _ in range(30):
        if _loss(design @ (weights + step), targets, each) <= before:
            break
        step = step / 2
    return np.asarray(step)


def _loss(linear: Numbers, targets: Numbers, each: Numbers) -> float:
    return float(np.sum(each * (np.logaddexp(0, linear) - targets * linear)))
