"""How fast the decision path is when payments wait for it: who decides is held while they are sent, and then let go.

As many are decided before, so that the Java machines are warm; the generator is at rest while it counts.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
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
LOOK_SECONDS: Final = 5.0


def run(ground: Ground, asked: Bench, payments: int) -> None:
    """Measure once; leaves `ground.out` (JSON).

    Raises:
        UsageError: a number is out of bounds.
        StopAsked: somebody stopped it; nothing is written.
        Unaccounted: a payment has no decision.
        ClearholdError: something could not be started, or ended too often.
    """
    crowd = bench.crowd_for(asked.cards, 2 * payments, asked.past)
    screen = Screen(ground.settings.paths.run / "logs" / "supervisor.log")
    with bench.opened(ground, screen, crowd, asked.past, False, asked.workers) as running:
        bootstrap, seconds = running.settings.kafka.bootstrap, payments / SENDING_PER_SECOND
        with closing(Decided(bootstrap, number, 0, payments)) as warm:
            sent = _send(running, screen, Load(crowd, SENDING_PER_SECOND, seconds, 0))
            _follow(running, screen, warm, payments)
        with closing(Decided(bootstrap, number, payments, payments)) as decided:
            with held(running):
                sent += _send(running, screen, Load(crowd, SENDING_PER_SECOND, seconds, 0, first=payments))
            let_go_ms = time.time() * 1000
            _follow(running, screen, decided, payments)
        found = {
            "backlog": payments,
            "cards": asked.cards,
            "workers": asked.workers._asdict(),
            "decided": warm.decided + decided.decided,
            "unaccounted": sent - warm.decided - decided.decided,
            "decided_per_second": round(pace(decided.times(), let_go_ms), 1),
            **bench.about(ground, running),
        }
    put_json(ground.out, found)
    screen.print(f"\n{words(found)}\n\n  {ground.out}")
    bench.conserved(found, ground.settings)


@contextmanager
def held(running: Stack) -> Iterator[None]:
    """Whoever decides, workers of a cluster or the hot application, stands still meanwhile."""
    processes = running.processes.processes
    names = [name for name in processes if name.startswith("worker-")] or [HOT]
    family = [each for name in names for each in processes[name].family()]
    try:
        for each in family:
            each.suspend()
        yield
    finally:
        for each in family:
            each.resume()


def pace(decided_ms: NDArray[np.int64], let_go_ms: float) -> float:
    """Decisions a second, from when they were let go to the last of them.

    Args:
        decided_ms: append times in any order, epoch milliseconds.
        let_go_ms: the beginning, likewise.

    Returns:
        0 where there is nothing to tell from.
    """
    took = decided_ms.max(initial=0) - let_go_ms
    return float(len(decided_ms) * 1000 / took) if took > 0 else 0.0


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


def _send(running: Stack, screen: Screen, load: Load) -> int:
    """Send payments; how many the broker has taken."""
    running.start_job(SENDER, "jobs.send_load", *load.arguments(), once=True)
    screen.say(f"{load.payments:,} payments are sent")
    running.wait(lambda: running.processes.is_done(SENDER), SENDING_SECONDS, "they are not sent")
    return int(running.status(SENDER)["acknowledged"])


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
