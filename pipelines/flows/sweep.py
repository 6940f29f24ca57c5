"""The same measurement at many rates and sizes: where the ceiling is, and what a larger state costs."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pipelines.files import put_json
from pipelines.flows import bench
from pipelines.flows.bench import Ground
from pipelines.flows.stretch import Load, Stretch
from pipelines.local.screen import Screen
from pipelines.monitor import chart, report

RATES: Final = (300.0, 1_000.0, 2_000.0, 3_000.0, 4_000.0, 5_000.0)
CARDS: Final = (10_000, 100_000, 1_000_000)
PAST_PAYMENTS: Final = 300_000
"""About the most that the state is filled with, so that filling does not take longer than measuring; a card has at least one."""
KEEPS_UP: Final = 0.95
"""Share of the rate that must be decided, or the next higher rate is not tried."""


class Sweep(NamedTuple):
    """Seconds measured at each point, and seconds before that."""

    seconds: float = 60.0
    warm: float = 15.0
    past: int = 5
    landing: bool = False
    rates: tuple[float, ...] = RATES
    cards: tuple[int, ...] = CARDS


def run(ground: Ground, sweep: Sweep) -> None:
    """Measure every point; leaves `ground.out` (JSON, rewritten after each point) and a picture of the same name.

    Raises:
        StopAsked: somebody stopped it; the points so far are written.
        Unaccounted: an acknowledged payment has no decision.
        ClearholdError: something could not be started, or ended too often.
    """
    screen = Screen(ground.settings.paths.run / "logs" / "supervisor.log")
    points: list[Mapping[str, Any]] = []
    for cards in sweep.cards:
        _climb(ground, sweep, screen, cards, points)
    picture = ground.out.with_suffix(".png")
    chart.draw_sweep(picture, points)
    screen.print(f"\n{report.table(points)}\n\n  {ground.out}, {picture}")


def _climb(ground: Ground, sweep: Sweep, screen: Screen, cards: int, points: list[Mapping[str, Any]]) -> None:
    """One stack, one rate after the other until it does not keep up."""
    payments = sum(sweep.rates) * (sweep.warm + sweep.seconds)
    past = max(1, min(sweep.past, PAST_PAYMENTS // cards))
    crowd, first = bench.crowd_for(cards, payments, past), 0
    with bench.opened(ground, screen, crowd, past, sweep.landing) as running:
        for rate in sweep.rates:
            load = Load(crowd, rate, sweep.seconds, sweep.warm, first)
            stretch = Stretch(running, screen, load, {})
            stretch.run()
            found = {**stretch.figures(), "past": past, "landing": sweep.landing, **bench.about(ground, running)}
            points.append(found)
            put_json(ground.out, {"command": ground.command, "points": points})
            screen.print(report.words(found))
            bench.conserved(found, ground.settings)
            first += load.payments
            if found["decided_per_second"] < KEEPS_UP * rate:
                screen.say(f"{rate:g} a second is more than it keeps up with")
                break
