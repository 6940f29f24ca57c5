"""A challenger in the shadow: it scores the live feature topic as the champion does, and nobody acts on what it says."""

import time
from collections.abc import Callable
from typing import Final

from pipelines import registry, session, status
from pipelines.catalog import APPLIED, FEATURES, REHEARSAL, SHADOW
from pipelines.config import Hot, Settings
from pipelines.errors import Unaccounted
from pipelines.folders import remove
from pipelines.ingest.topics import end_offsets, recent
from pipelines.score import champion as models
from pipelines.score import query, served

NAME: Final = "shadow"
POLL_SECONDS: Final = 2.0


def run(settings: Settings, version: str | None, seconds: float, wanted: int, stopping: Callable[[], bool]) -> int:
    """Score live traffic until enough payments were scored, `seconds` have passed or `stopping` says so.

    Args:
        settings: of the run, whose broker and registry are up.
        version: of the challenger; None for the newest one that is not the champion.
        seconds: longest time.
        wanted: payments that are enough.
        stopping: asked every two seconds.

    Returns:
        How many payments were scored.

    Raises:
        UsageError: there is no such version, or none but the champion.
        ModelRejected: the challenger does not load, or was fitted for other features.
        Unavailable: the registry does not answer.
        Unaccounted: the query stopped by itself.
    """
    said = settings.paths.status / f"{NAME}.json"
    kafka, rules = settings.kafka, served.in_force(settings.paths)
    version = registry.challenger(settings.registry, version)
    files = registry.fetch(settings.registry, version, settings.paths.models)
    status.report(said, "starting", f"starting Spark for version {version}")
    # on slots of its own, also where a cluster decides: there all of them are taken
    alone = settings.hot.model_copy(update={"master": Hot().master})
    spark = session.hot(alone, "clearhold-shadow", settings.paths.store)
    folder = settings.paths.checkpoints / NAME
    remove(folder)
    try:
        challenger = models.load(version, files)
        models.try_out(spark, challenger, rules)
        before = _length(kafka.bootstrap)
        begin = recent(kafka.bootstrap, FEATURES.name, APPLIED.name, records=0)
        running = query.start(spark, kafka, folder, challenger, rules, begin, out=(SHADOW, REHEARSAL))
        until, scored = time.monotonic() + seconds, 0
        while time.monotonic() < until and scored < wanted and not stopping():
            if not running.isActive:
                raise Unaccounted(f"the shadow stopped by itself: {running.exception()}")
            time.sleep(POLL_SECONDS)
            scored = _length(kafka.bootstrap) - before
            status.report(said, "open", f"version {version} scored {scored:,} payments", version=version, scored=scored)
            print(f"version {version} in the shadow: {scored:,} of {wanted:,} payments", flush=True)
        spark.sparkContext.setLogLevel("OFF")  # tasks that are told to stop in mid-batch complain at length
        running.stop()
    finally:
        spark.stop()
        remove(folder)
    status.report(said, "stopped", f"version {version} scored {scored:,} payments", version=version, scored=scored)
    return scored


def _length(bootstrap: str) -> int:
    return sum(end_offsets(bootstrap, SHADOW.name).values())
