"""How fast the decision path is when payments wait for it: the generator is at rest while they are decided."""

import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.files import put_json
from pipelines.flows import bench
from pipelines.flows.bench import Bench, Ground
from pipelines.flows.stretch import SENDER, Load
from pipelines.flows.traffic import settle
from pipelines.local.decided import Decided
from pipelines.local.screen import Screen
from pipelines.local.stack import HOT, Stack
from pipelines.monitor import text
from pipelines.simulate.crowd import number

SENDING_PER_SECOND: Final = 8_000.0
SENDING_SECONDS: Final = 1_800.0
MIDDLE: Final = (0.4, 0.95)
"""Shares of the backlog between which the rate counts: before it the Java machines get warm, after it tasks run dry."""
LOOK_SECONDS: Final = 5.0


def run(ground: Ground, asked: Bench, payments: int) -> None:
    """Measure once; leaves `ground.out` (JSON).

    Raises:
        UsageError: a number is out of bounds.
        StopAsked: somebody stopped it; nothing is written.
        Unaccounted: a payment has no decision.
        ClearholdError: something could not be started, or ended too often.
    """
    crowd = bench.crowd_for(asked.cards, payments, asked.past)
    screen = Screen(ground.settings.paths.run / "logs" / "supervisor.log")
    with bench.opened(ground, screen, crowd, asked.past, False, asked.workers) as running:
        running.processes.stop([HOT])
        load = Load(crowd, SENDING_PER_SECOND, payments / SENDING_PER_SECOND, 0)
        decided = Decided(running.settings.kafka.bootstrap, number, 0, payments)
        _send(running, screen, load)
        running.start_hot()
        with closing(decided):
            _follow(running, screen, decided, payments)
        found = {
            "backlog": payments,
            "cards": asked.cards,
            "workers": asked.workers._asdict(),
            "decided": decided.decided,
            "unaccounted": int(running.status(SENDER)["acknowledged"]) - decided.decided,
            "decided_per_second": round(pace(decided.times()), 1),
            **bench.about(ground, running),
        }
    put_json(ground.out, found)
    screen.print(f"\n{words(found)}\n\n  {ground.out}")
    bench.conserved(found, ground.settings)


def pace(decided_ms: NDArray[np.int64]) -> float:
    """Decisions a second in the MIDDLE of a backlog.

    Args:
        decided_ms: append times in any order, epoch milliseconds.

    Returns:
        0 where there is nothing to tell from.
    """
    times = np.sort(decided_ms)
    first, last = (int(len(times) * share) for share in MIDDLE)
    if last <= first or times[last] == times[first]:
        return 0.0
    return float((last - first) * 1000 / (times[last] - times[first]))


def words(found: Mapping[str, Any]) -> str:
    """The result for people."""
    rows = [
        ("backlog", "decided", "unaccounted", "workers", "processors", "decided a second"),
        (
            f"{found['backlog']:,}",
            f"{found['decided']:,}",
            str(found["unaccounted"]),
            str(found["workers"]["number"]),
            str(found["workers"]["processors"] or "all"),
            f"{found['decided_per_second']:,.0f}",
        ),
    ]
    return text.table(rows)


def _send(running: Stack, screen: Screen, load: Load) -> None:
    running.start_job(SENDER, "jobs.send_load", *load.arguments(), once=True)
    screen.say(f"{load.payments:,} payments are sent while nobody decides")
    running.wait(lambda: running.processes.is_done(SENDER), SENDING_SECONDS, "they are not sent")


def _follow(running: Stack, screen: Screen, decided: Decided, payments: int) -> None:
    looked = 0.0

    def done() -> bool:
        nonlocal looked
        if time.monotonic() - looked > LOOK_SECONDS:
            looked = time.monotonic()
            decided.follow()
            screen.say(f"decided {decided.decided:,} of {payments:,}")
        return decided.decided >= payments

    settle(running.processes, done, lambda: decided.decided)
    running.processes.tend()  # a stop that was asked for is no loss
