"""Curves as PNG files: ROC, precision against recall, calibration, importance of the inputs."""

from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from sklearn.metrics import precision_recall_curve, roc_curve

from pipelines.train.calibrate import Calibration
from pipelines.train.scores import Scores


def draw(scores: Scores, calibration: Calibration, importance: dict[str, float], folder: Path) -> list[Path]:
    """Draw all pictures into a folder. Without both frauds and genuine payments only the importance can be drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [
        _picture(folder / "importance.png", "Share of impurity removed", lambda axes: _importance(axes, importance))
    ]
    if 0 < scores.labels.sum() < len(scores.labels):
        files += [
            _picture(folder / "roc.png", "ROC", lambda axes: _roc(axes, scores)),
            _picture(
                folder / "precision_recall.png", "Precision and recall", lambda axes: _precision_recall(axes, scores)
            ),
            _picture(folder / "calibration.png", "Calibration", lambda axes: _calibration(axes, scores, calibration)),
        ]
    return files


def _picture(file: Path, title: str, paint: Callable[[Axes], None]) -> Path:
    figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
    axes.set_title(title)
    paint(axes)
    figure.savefig(file, dpi=100)
    plt.close(figure)
    return file


def _roc(axes: Axes, scores: Scores) -> None:
    false_alarms, found, _ = roc_curve(scores.labels, scores.margins)
    axes.plot(false_alarms, found)
    axes.set(xlabel="share of genuine payments above the threshold", ylabel="share of frauds above the threshold")


def _precision_recall(axes: Axes, scores: Scores) -> None:
    precision, recall, _ = precision_recall_curve(scores.labels, scores.margins)
    axes.plot(recall, precision)
    axes.set(xlabel="recall", ylabel="precision", ylim=(0, 1.02))


def _calibration(axes: Axes, scores: Scores, calibration: Calibration) -> None:
    probabilities = calibration.probabilities(scores.margins)
    parts = [part for part in np.array_split(np.argsort(probabilities), 20) if len(part)]
    expected = [max(float(probabilities[part].mean()), 1e-5) for part in parts]
    observed = [max(float(scores.labels[part].mean()), 1e-5) for part in parts]
    axes.loglog(expected, observed, marker="o")
    axes.loglog([1e-5, 1], [1e-5, 1], linestyle=":")
    axes.set(xlabel="predicted probability of fraud", ylabel="observed share of frauds")


def _importance(axes: Axes, importance: dict[str, float]) -> None:
    top = list(importance.items())[:20][::-1]
    axes.barh([name for name, _ in top], [share for _, share in top])
    axes.tick_params(axis="y", labelsize=7)
