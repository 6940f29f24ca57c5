"""A second hot application that waits warm: it takes over when the first one ends, without a cold start."""

import logging
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Final

from pipelines import registry, status
from pipelines.catalog import APPLIED, FEATURES, HISTORY, REHEARSALS, SIGNALS, TRANSACTIONS
from pipelines.config import Settings
from pipelines.enrich import query as enrich
from pipelines.enrich.planner import Planner
from pipelines.errors import ClearholdError
from pipelines.folders import remove
from pipelines.ingest.topics import end_offsets, recent
from pipelines.leadership import Leadership
from pipelines.score import champion as models
from pipelines.score import choice
from pipelines.score import query as score
from pipelines.score.published import Published

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger("clearhold.standby")

NAME: Final = "standby"
HOLD_BACK_SECONDS: Final = 30.0
"""How long whoever just began to decide is left alone with the processors."""
RECORDS: Final = 80_000
"""Of payments and history, and of what was logged of them, that run through; fewer leave the compiler more to do afterwards."""
REHEARSAL_SECONDS: Final = 60.0
QUIET_SECONDS: Final = 8.0
"""A rehearsal that puts nothing out for so long is over; starting it takes less."""
CHECKPOINT_SECONDS: Final = 20
POLL_SECONDS: Final = 0.2
Stopping = Callable[[], bool]


def hold_back(settings: Settings, leadership: Leadership, stopping: Stopping) -> None:
    """Where somebody leads already, wait a while: he may have taken over this moment, and needs the machine."""
    if leadership.is_taken():
        _say(settings, "starting", "another process decides: this one gets ready to take over")
    until = time.monotonic() + HOLD_BACK_SECONDS
    while leadership.is_taken() and time.monotonic() < until and not stopping():
        time.sleep(POLL_SECONDS)


def wait(
    settings: Settings, spark: "SparkSession", planner: Planner, leadership: Leadership, stopping: Stopping
) -> None:
    """Get warm, then wait until this process leads or is told to stop."""
    with closing(_warming(settings, spark, planner)) as steps:
        for step in steps:
            if stopping() or leadership.take(spark):
                return
            _say(settings, "warming", step)
    _say(settings, "waiting", "warm; takes over when the other one ends")
    while not stopping() and not leadership.take(spark):
        time.sleep(POLL_SECONDS)


def _warming(settings: Settings, spark: "SparkSession", planner: Planner) -> Generator[str, None, None]:
    """What is being done, said again and again until it is done. A rehearsal that fails costs nothing but warmth."""
    while planner.left:
        yield "planning ahead"
        planner.step()
    try:
        yield from _rehearsing(settings, spark)
    except Exception as problem:
        log.warning("the rehearsal was given up: %s", str(problem).splitlines()[0])


def _rehearsing(settings: Settings, spark: "SparkSession") -> Iterator[str]:
    """Let recent records run through both queries, with states of their own and output for nobody."""
    kafka, hot, folder = settings.kafka, settings.hot, settings.paths.checkpoints / NAME
    yield "looking for a model"
    with closing(Published(kafka.bootstrap)) as published:
        wanted = choice.wanted(settings.registry, settings.paths, published)
    if wanted.version is None or wanted.policy is None:
        raise ClearholdError(wanted.note or "there is no model yet")
    files = registry.fetch(settings.registry, wanted.version, settings.paths.models)
    champion = models.load(wanted.version, files)
    remove(folder)
    quiet = recent(kafka.bootstrap, SIGNALS.name, records=0)
    events = recent(kafka.bootstrap, TRANSACTIONS.name, HISTORY.name, records=RECORDS)
    features = recent(kafka.bootstrap, FEATURES.name, APPLIED.name, records=RECORDS)
    queries = []
    try:
        scratch, out = folder / enrich.NAME, REHEARSALS
        queries.append(enrich.start(spark, kafka, hot, scratch, CHECKPOINT_SECONDS, events | quiet, out))
        scratch = folder / score.NAME
        queries.append(score.start(spark, kafka, scratch, champion, wanted.policy, features, out=out))
        began = moved = time.monotonic()
        reached = _rehearsed(kafka.bootstrap)
        while moved - began < REHEARSAL_SECONDS and time.monotonic() - moved < QUIET_SECONDS:
            yield "rehearsing on recent payments"
            time.sleep(1)
            if (now := _rehearsed(kafka.bootstrap)) > reached:
                reached, moved = now, time.monotonic()
    finally:
        for query in queries:
            query.stop()
        remove(folder)


def _rehearsed(bootstrap: str) -> int:
    return sum(sum(end_offsets(bootstrap, topic.name).values()) for topic in REHEARSALS)


def _say(settings: Settings, state: str, message: str) -> None:
    status.report(settings.paths.status / f"{NAME}.json", state, message)
