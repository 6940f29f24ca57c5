"""Latency as pictures: its course with checkpoints marked, its percentile curve, and how it grows with rate and cards."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from pipelines.monitor.latency import Course

SHOWN: Final = {"p50": "tab:green", "p99": "tab:orange", "max": "tab:red"}
COLOURS: Final = {"checkpoint": "tab:blue", "swap": "tab:purple", "kill": "black"}
NINES: Final = (50, 90, 99, 99.9, 99.99)


def draw(file: Path, title: str, course: Course, marks: Mapping[str, Sequence[float]]) -> None:
    """Draw latency over time, and the percentile curve beside it. Of no payments nothing is drawn.

    Args:
        file: a PNG file.
        title: what was measured.
        course: the measured payments.
        marks: seconds since the first of them, by what happened then (checkpoint, swap, kill).
    """
    if not len(course.sent):
        return
    figure, (over_time, curve) = plt.subplots(
        1, 2, figsize=(13, 5), layout="constrained", gridspec_kw={"width_ratios": (5, 3)}
    )
    figure.suptitle(title)
    _over_time(over_time, course, marks)
    _curve(curve, course)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def draw_sweep(file: Path, points: Sequence[Mapping[str, Any]]) -> None:
    """Draw p50 and p99 against the rate, a line for each number of cards.

    Args:
        file: a PNG file.
        points: with cards, rate and latency_ms.
    """
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for position, cards in enumerate(sorted({point["cards"] for point in points})):
        own = [point for point in points if point["cards"] == cards]
        for name, style in (("p50", "-"), ("p99", ":")):
            latencies = [point["latency_ms"][name] for point in own]
            label = f"{name}, {cards:,} cards"
            axes.plot([point["rate"] for point in own], latencies, style, color=f"C{position}", marker="o", label=label)
    axes.set(xlabel="payments a second", ylabel="latency, ms", yscale="log", title="Latency by rate and cards")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _over_time(axes: Axes, course: Course, marks: Mapping[str, Sequence[float]]) -> None:
    seconds = course.by_second()
    for name, colour in SHOWN.items():
        values = [_visible(percentiles[name]) for percentiles in seconds.values()]
        axes.plot(list(seconds), values, color=colour, label=name, linewidth=0.9)
    for name, times in marks.items():
        for number, at in enumerate(times):
            axes.axvline(at, color=COLOURS[name], linestyle="--", linewidth=0.8, label=None if number else name)
    axes.set(xlabel="seconds", ylabel="latency of each second, ms", yscale="log")
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)


def _curve(axes: Axes, course: Course) -> None:
    """The axis is the share of slower payments on a logarithmic scale, so that every nine has the same room."""
    latencies = np.sort(course.latencies)
    slower = 1 - np.arange(len(latencies)) / len(latencies)
    axes.plot(1 / slower, np.maximum(latencies, 1), drawstyle="steps-post")
    axes.set(xscale="log", yscale="log", xlabel="percentile", ylabel="latency, ms", title="Share of payments")
    axes.set_xticks([100 / (100 - nine) for nine in NINES], [f"{nine:g}%" for nine in NINES])
    axes.minorticks_off()
    axes.grid(alpha=0.3)


def _visible(latency: float | None) -> float:
    """A logarithmic axis has no place for zero."""
    return max(latency or 0.0, 0.5)
