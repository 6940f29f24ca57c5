"""The maturity of labels as a picture."""

from pathlib import Path

from matplotlib.axes import Axes

from pipelines import picture
from pipelines.label.maturity import mature_days


def draw(shares: list[float], enough: float, file: Path) -> Path:
    """Share of frauds that are known, by the age of the payment in days; the age from which on that is enough."""

    def paint(axes: Axes) -> None:
        axes.step(range(len(shares)), shares, where="post")
        axes.axhline(enough, linestyle=":")
        axes.axvline(mature_days(shares, enough), linestyle=":")
        axes.set(xlabel="days since the payment", ylabel="share of frauds known", ylim=(0, 1.02))

    return picture.save(file, "Label maturity", paint)
