"""What a watch found, as Prometheus metrics and as a picture."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from pipelines import picture
from pipelines.monitor.findings import ALARM, FEATURE, QUIET, SCORE, Finding

SHOWN = 25
COLOURS = {QUIET: "tab:blue", ALARM: "tab:red"}


def write(found: Sequence[Finding], at: float, file: Path) -> None:
    """Write metrics in Prometheus' text format, for a textfile collector.

    clearhold_watch_value and clearhold_watch_limit (kind, subject, measure), clearhold_watch_alarms (kind),
    clearhold_watch_looked_at_seconds.
    """
    registry = CollectorRegistry()
    labels = ("kind", "subject", "measure")
    value = Gauge("clearhold_watch_value", "What was measured", labels, registry=registry)
    limit = Gauge("clearhold_watch_limit", "Beyond it is an alarm", labels, registry=registry)
    alarms = Gauge("clearhold_watch_alarms", "Measures that are not as usual", ("kind",), registry=registry)
    Gauge("clearhold_watch_looked_at_seconds", "When, seconds since 1970", registry=registry).set(at)
    for one in found:
        alarms.labels(one.kind).inc(one.state == ALARM)
        for gauge, number in ((value, one.value), (limit, one.limit)):
            if number is not None:
                gauge.labels(one.kind, one.subject, one.measure).set(number)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(file), registry)


def draw(found: Sequence[Finding], file: Path) -> Path:
    """PSI of features and score against their limits, those nearest to it first; alarms in red."""
    measured = [
        (one.value / one.limit, one)
        for one in found
        if one.kind in (FEATURE, SCORE) and one.measure == "psi" and one.value is not None and one.limit
    ]
    top = sorted(measured, key=lambda each: (each[1].state == ALARM, each[0]))[-SHOWN:]

    def paint(axes: Axes) -> None:
        names, shares = [one.subject for _, one in top], [share for share, _ in top]
        axes.barh(names, shares, color=[COLOURS[one.state] for _, one in top])
        axes.axvline(1, linestyle=":")
        axes.set_xlabel("PSI / limit")
        axes.tick_params(axis="y", labelsize=7)

    return picture.save(file, "Population stability against its limit", paint, size=(7, 6))
