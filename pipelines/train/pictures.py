"""Curves as PNG files: ROC, precision against recall, calibration, gain, money, importance of the inputs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from sklearn.metrics import precision_recall_curve, roc_curve

from pipelines import picture
from pipelines.rules.policy import Policy
from pipelines.train import money
from pipelines.train.metrics import Numbers
from pipelines.train.scores import Scores


def draw(
    scores: Scores, probabilities: Numbers, policy: Policy, importance: dict[str, float], folder: Path
) -> list[Path]:
    """Draw all pictures into a folder. Without both frauds and genuine payments only the importance can be drawn."""
    files = [
        picture.save(folder / "importance.png", "Share of impurity removed", lambda axes: _importance(axes, importance))
    ]
    if 0 < scores.labels.sum() < len(scores.labels):
        curves: dict[str, tuple[str, Callable[[Axes], None]]] = {
            "roc": ("ROC", lambda axes: _roc(axes, scores, probabilities)),
            "precision_recall": ("Precision and recall", lambda axes: _precision_recall(axes, scores, probabilities)),
            "calibration": ("Calibration", lambda axes: _calibration(axes, scores, probabilities)),
            "gain": ("Frauds found by looking at the most suspicious", lambda axes: _gain(axes, scores, probabilities)),
            "money": ("Money saved by holding", lambda axes: _money(axes, scores, probabilities, policy)),
        }
        files += [picture.save(folder / f"{name}.png", title, paint) for name, (title, paint) in curves.items()]
    return files


def rival(scores: Scores, probabilities: dict[str, Numbers], file: Path) -> Path:
    """Precision against recall of several models on the same payments, which hold both frauds and genuine ones."""

    def paint(axes: Axes) -> None:
        for name, each in probabilities.items():
            precision, recall, _ = precision_recall_curve(scores.labels, each, sample_weight=scores.weights)
            axes.plot(recall, precision, label=name)
        axes.set(xlabel="recall", ylabel="precision", ylim=(0, 1.02))
        axes.legend()

    return picture.save(file, "Precision and recall", paint)


def _roc(axes: Axes, scores: Scores, probabilities: Numbers) -> None:
    false_alarms, found, _ = roc_curve(scores.labels, probabilities, sample_weight=scores.weights)
    axes.plot(false_alarms, found)
    axes.set(xlabel="share of genuine payments above the threshold", ylabel="share of frauds above the threshold")


def _precision_recall(axes: Axes, scores: Scores, probabilities: Numbers) -> None:
    precision, recall, _ = precision_recall_curve(scores.labels, probabilities, sample_weight=scores.weights)
    axes.plot(recall, precision)
    axes.set(xlabel="recall", ylabel="precision", ylim=(0, 1.02))


def _calibration(axes: Axes, scores: Scores, probabilities: Numbers) -> None:
    parts = [part for part in np.array_split(np.argsort(probabilities), 20) if len(part)]
    expected = [max(float(probabilities[part].mean()), 1e-5) for part in parts]
    observed = [max(float(np.average(scores.labels[part], weights=scores.weights[part])), 1e-5) for part in parts]
    axes.loglog(expected, observed, marker="o")
    axes.loglog([1e-5, 1], [1e-5, 1], linestyle=":")
    axes.set(xlabel="predicted probability of fraud", ylabel="observed share of frauds")


def _gain(axes: Axes, scores: Scores, probabilities: Numbers) -> None:
    order = np.argsort(-probabilities, kind="stable")
    looked, found = np.cumsum(scores.weights[order]), np.cumsum((scores.weights * scores.labels)[order])
    axes.semilogx(looked / looked[-1], found / found[-1])
    axes.set(xlabel="share of payments looked at", ylabel="share of frauds found")


def _money(axes: Axes, scores: Scores, probabilities: Numbers, policy: Policy) -> None:
    thresholds, worth = money.by_threshold(scores, probabilities, policy)
    axes.semilogx(thresholds, worth)
    axes.axvline(policy.thresholds.hold, linestyle=":")
    axes.set(xlabel="probability from which a payment is held", ylabel="saved, major units")


def _importance(axes: Axes, importance: dict[str, float]) -> None:
    top = list(importance.items())[:20][::-1]
    axes.barh([name for name, _ in top], [share for _, share in top])
    axes.tick_params(axis="y", labelsize=7)
