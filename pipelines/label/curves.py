"""The maturity of labels as a picture."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from pipelines.label.maturity import mature_days


def draw(shares: list[float], enough: float, file: Path) -> Path:
    """Share of frauds that are known, by the age of the payment in days; the age from which on that is enough."""
    file.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
    axes.step(range(len(shares)), shares, where="post")
    axes.axhline(enough, linestyle=":")
    axes.axvline(mature_days(shares, enough), linestyle=":")
    axes.set(title="Label maturity", xlabel="days since the payment", ylabel="share of frauds known", ylim=(0, 1.02))
    figure.savefig(file, dpi=100)
    plt.close(figure)
    return file
