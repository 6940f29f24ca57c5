"""Results of a measurement for people and for files."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pipelines.monitor import text

Figures = Mapping[str, Any]

_HEAD: Final = (
    "cards",
    "rate",
    "decided/s",
    "p50 ms",
    "p90 ms",
    "p99 ms",
    "p99.9 ms",
    "max ms",
    "us a payment",
    "hot MB",
    "lost",
)


def title(found: Figures) -> str:
    """One line: what was measured."""
    return f"{found['rate']:g} payments a second for {found['seconds']:g} s over {found['cards']:,} cards"


def words(found: Figures) -> str:
    """One measurement for people."""
    counts = ", ".join(f"{name} {found[name]:,}" for name in ("acknowledged", "decided", "repeats", "unaccounted"))
    pauses = sorted((pause["ms"] for pause in found["standstills"]), reverse=True)[:5]
    rows = [
        ("measured", title(found)),
        ("payments", counts),
        ("latency", _latency(found)),
        ("processor", f"{_number(found['cpu_us_per_tx'])} us of the hot application a payment"),
        (
            "memory",
            ", ".join(f"{name} {megabytes:,}" for name, megabytes in found["peak_rss_mb"].items()) + " MB at most",
        ),
        ("checkpoints", f"{found['checkpoints']['count']}; longest pauses {', '.join(map(str, pauses)) or 'none'} ms"),
        *_lake(found),
        ("load average", ", ".join(f"{value:g} {when}" for when, value in found["load_average"].items())),
        *((name, _incident(found[name])) for name in ("swap", "kill") if name in found),
    ]
    return "\n".join(f"  {name:<14}{value}" for name, value in rows)


def table(points: Sequence[Figures]) -> str:
    """Several measurements for people, a line each."""
    return text.table([_HEAD, *map(_row, points)])


def _row(point: Figures) -> tuple[str, ...]:
    numbers = (point["cards"], point["rate"], point["decided_per_second"], *point["latency_ms"].values())
    rest = (point["cpu_us_per_tx"], point["peak_rss_mb"].get("hot"), point["unaccounted"])
    return tuple(map(_number, (*numbers, *rest)))


def _latency(found: Figures) -> str:
    return ", ".join(f"{name} {_number(value)} ms" for name, value in found["latency_ms"].items())


def _lake(found: Figures) -> list[tuple[str, str]]:
    if not found.get("landing"):
        return []
    lags = found["landing"]["readable_after_s"].items()
    return [("lake", "decisions readable after " + ", ".join(f"{name} {value} s" for name, value in lags))]


def _incident(figures: Figures) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {'-' if value is None else value}" for name, value in figures.items())


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
