"""A picture as a PNG file. No window is opened."""

from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes


def save(file: Path, title: str, paint: Callable[[Axes], None], size: tuple[float, float] = (6, 5)) -> Path:
    """Paint axes and write them; the folder is made. `size` in inches, 100 dots each. Returns the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    axes.set_title(title)
    paint(axes)
    figure.savefig(file, dpi=100)
    plt.close(figure)
    return file
