"""Latency and throughput of the decision path, open loop, from end to end. Reads top to bottom."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from pipelines.catalog import DECISIONS_TABLE, LANDED
from pipelines.config import Settings
from pipelines.errors import Unaccounted, UsageError
from pipelines.files import put_json
from pipelines.flows import accounting, stand_in
from pipelines.flows.incidents import Kill, Swap
from pipelines.flows.stretch import Load, Stretch
from pipelines.local import landed, stack
from pipelines.local.project import Project
from pipelines.local.screen import Screen
from pipelines.local.stack import STANDBY, Stack
from pipelines.monitor import chart, lag, report
from pipelines.simulate.crowd import Crowd
from pipelines.simulate.feed import publish

OPEN_SECONDS: Final = 900.0
FILLED_PER_SECOND: Final = 300.0
"""Slowest filling of the state that is waited for."""
LANDED_SECONDS: Final = 300.0
DAY_MS: Final = 86_400_000
LONGEST_DAYS: Final = 2_000


class Workers(NamedTuple):
    """Workers of a cluster, and how many processors they share; no workers: no cluster."""

    number: int = 0
    processors: int | None = None


NO_CLUSTER: Final = Workers()


class Bench(NamedTuple):
    """What is asked for.

    `cards` pay `rate` times a second for `warm` and then `seconds` seconds; the state holds `past` payments of each. `landing`:
    the lake lands beside it. `swap` and `kill`: what happens in the middle. `workers`: the hot application runs on them.
    """

    rate: float = 300.0
    seconds: float = 600.0
    warm: float = 30.0
    cards: int = 20_000
    past: int = 5
    landing: bool = False
    swap: bool = False
    kill: bool = False
    workers: Workers = NO_CLUSTER


class Ground(NamedTuple):
    """Where and how a benchmark runs. `command` is what was typed; results go to `out` and beside it as a picture."""

    project: Project
    settings: Settings
    environ: Mapping[str, str]
    command: str
    out: Path


def run(ground: Ground, bench: Bench) -> None:
    """Measure once; leaves `ground.out` (JSON) and a picture of the same name.

    Raises:
        UsageError: a number is out of bounds.
        StopAsked: somebody stopped it; nothing is written.
        Unaccounted: an acknowledged payment has no decision.
        ClearholdError: something could not be started, or ended too often.
    """
    check(bench)
    crowd = crowd_for(bench.cards, (bench.warm + bench.seconds) * bench.rate, bench.past)
    screen = Screen(ground.settings.paths.run / "logs" / "supervisor.log")
    with opened(ground, screen, crowd, bench.past, bench.landing, bench.workers) as running:
        happening = [kind(running) for kind, wanted in ((Swap, bench.swap), (Kill, bench.kill)) if wanted]
        incidents = {(place + 1) / (len(happening) + 1): each for place, each in enumerate(happening)}
        stretch = Stretch(running, screen, Load(crowd, bench.rate, bench.seconds, bench.warm), incidents)
        stretch.run()
        found = {
            **stretch.figures(),
            "landing": bench.landing and _readable(running, stretch),
            "cluster": bench.workers._asdict() if bench.workers.number else None,
            **about(ground, running),
        }
    put_json(ground.out, found)
    picture = ground.out.with_suffix(".png")
    chart.draw(picture, report.title(found), stretch.course(), stretch.marks())
    screen.print(f"\n{report.words(found)}\n\n  {ground.out}, {picture}")
    conserved(found, ground.settings)


@contextmanager
def opened(
    ground: Ground, screen: Screen, crowd: Crowd, past: int, landing: bool, workers: Workers = NO_CLUSTER
) -> Iterator[Stack]:
    """A fresh stack whose state holds the past of a crowd and whose model is a stand-in. A worker has a partition of its own."""
    hot, kafka = ground.settings.hot.model_copy(update={"await_history": past > 0}), ground.settings.kafka
    if workers.number:
        hot = hot.model_copy(update={"state_partitions": workers.number})
        kafka = kafka.model_copy(update={"partitions": workers.number})
    settings = ground.settings.model_copy(update={"hot": hot, "kafka": kafka})
    with stack.opened(ground.project, settings, ground.environ, screen.say, fresh=True) as running:
        stand_in.begin(running)
        running.start_broker()
        if workers.number:
            running.start_cluster(*workers)
        running.start_hot()
        if past:
            _fill(running, screen, crowd, past)
        stand_in.provide(running, screen)
        running.await_open("hot", OPEN_SECONDS + crowd.cards * past / FILLED_PER_SECOND)
        if landing:
            running.start_job("landing", "jobs.land_events", restarts=5)
            screen.say("the past lands")
            running.wait(
                lambda: accounting.has_landed(running.settings), OPEN_SECONDS, "the past does not land", ("landing",)
            )
        if running.start_standby():
            screen.say("the standby gets warm")
            running.wait(
                lambda: running.status(STANDBY).get("state") == "waiting", OPEN_SECONDS, "the standby", (STANDBY,)
            )
        screen.say("the doors are open")
        yield running


def crowd_for(cards: int, payments: float, past: int) -> Crowd:
    """A crowd whose payments end before today.

    Raises:
        UsageError: there is nobody, or so few that their payments would take years.
    """
    if cards < 1 or past < 0:
        raise UsageError(f"a benchmark needs cards, and a past of 0 payments or more: not {cards} cards and {past}")
    crowd = Crowd(cards, 0)
    days = (payments + cards * past) * crowd.step_ms / DAY_MS
    if days > LONGEST_DAYS:
        raise UsageError(f"{cards} cards would need {days:,.0f} days for {payments:,.0f} payments: take more cards")
    return crowd._replace(start_ms=int(time.time() * 1000 - payments * crowd.step_ms) - DAY_MS)


def check(bench: Bench) -> None:
    """Refuse what cannot be measured.

    Raises:
        UsageError: a number is out of bounds.
    """
    if bench.rate <= 0 or bench.seconds <= 0 or bench.warm < 0:
        raise UsageError("rate and seconds must be above 0, the seconds to warm up at least 0")


def about(ground: Ground, running: Stack) -> dict[str, Any]:
    """Under which circumstances."""
    hot = running.settings.hot
    return {"command": ground.command, "cores": os.cpu_count(), "checkpoint_seconds": hot.checkpoint_seconds}


def conserved(found: Mapping[str, Any], settings: Settings) -> None:
    """Refuse a result with losses.

    Raises:
        Unaccounted: an acknowledged payment has no decision.
    """
    if found["unaccounted"]:
        raise Unaccounted(
            f"{found['unaccounted']} acknowledged payments have no decision: see {settings.paths.run / 'logs'}"
        )


def _readable(running: Stack, stretch: Stretch) -> dict[str, Any]:
    """How long decisions took from the broker to the lake, those of the warm-up excepted."""
    lake = running.settings.paths.lake
    landed.wait(lake, accounting.ends(running.settings.kafka.bootstrap, LANDED), LANDED_SECONDS)
    return {"readable_after_s": lag.percentiles(lake / DECISIONS_TABLE.name, stretch.begin_ms)}


def _fill(running: Stack, screen: Screen, crowd: Crowd, past: int) -> None:
    folder = running.settings.paths.run / "past"
    crowd.write_past(past, folder)
    screen.say(f"the state is being filled with {crowd.cards * past:,} payments of {crowd.cards:,} cards")
    publish(folder, {"bootstrap.servers": running.settings.kafka.bootstrap}, lambda *_: running.processes.tend())
