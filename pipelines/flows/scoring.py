"""The hot application: Kafka -> enrich -> score -> Kafka, in one Spark application. Reads top to bottom."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import registry, session, status
from pipelines.catalog import APPLIED, FEATURES, HISTORY, REFILLED, REHEARSAL, SIGNALS, TRANSACTIONS, Topic
from pipelines.config import Settings
from pipelines.enrich import place
from pipelines.enrich import query as enrich
from pipelines.enrich.history import Filling
from pipelines.enrich.planner import Planner
from pipelines.errors import ModelRejected, Unaccounted, Unavailable
from pipelines.flows import standby
from pipelines.ingest.topics import end_offsets, first_offsets
from pipelines.leadership import Leadership
from pipelines.score import champion as models
from pipelines.score import choice, served
from pipelines.score.choice import Wanted
from pipelines.score.published import Published
from pipelines.score.serving import Serving

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

log = logging.getLogger("clearhold.hot")

STATUS = "hot.json"
REHEARSAL_SECONDS = 20
FILLING_CHECKPOINT_SECONDS = 20
PUBLISHED_SECONDS = 0.5
"""Between looks at published policies."""
SETTLED_SECONDS = 30
"""How long after the door opened a payment is sure to be decided that waited there."""
Stopping = Callable[[], bool]


def run(settings: Settings, stopping: Stopping) -> None:
    """Decide until `stopping` says so. Where another process decides already, get warm and wait for its end.

    Raises:
        Unaccounted: a query stopped by itself. Nothing is skipped: the next start goes on where its checkpoint ended.
    """
    leadership = Leadership(settings.paths.checkpoints)
    standby.hold_back(settings, leadership, stopping)
    if stopping():
        return
    if not leadership.is_taken():
        status.report(settings.paths.status / STATUS, "starting", "starting Spark")
    spark = session.hot(settings.hot, store=settings.paths.store)
    planner = Planner(spark, settings.hot)
    try:
        if not leadership.take(spark):
            standby.wait(settings, spark, planner, leadership, stopping)
        if not stopping():
            decide(settings, spark, planner, stopping)
    finally:
        spark.stop()


def decide(settings: Settings, spark: "SparkSession", planner: Planner, stopping: Stopping) -> None:
    """Lead: from the checkpoint or the history to open doors, and on until `stopping` says so.

    Raises:
        Unaccounted: a query stopped by itself.
    """
    said = settings.paths.status / STATUS
    log.info("this process decides from now on")
    status.report(said, "starting", "looking where to begin")
    serving = Serving(spark, settings.kafka, settings.hot, settings.paths.checkpoints)
    try:
        fill(settings, spark, planner, said, stopping)
        stateful = start(settings, spark, settings.hot.checkpoint_seconds)
        first_model(settings, spark, stateful, serving, said, stopping)
        if not serving.is_awaited:
            rehearse(settings, planner, said, stopping)
        serve(settings, spark, stateful, serving, planner, said, stopping)
    except Exception as problem:
        status.report(said, "failed", str(problem).splitlines()[0])
        raise
    finally:
        serving.stop()
        for query in spark.streams.active:
            query.stop()
    status.report(said, "stopped", "stopped in order")


def start(settings: Settings, spark: "SparkSession", checkpoint_seconds: int) -> "StreamingQuery":
    """Start the stateful query, or go on where it ended."""
    checkpoint = enrich.folder(settings.paths.checkpoints)
    return enrich.start(spark, settings.kafka, settings.hot, checkpoint, checkpoint_seconds)


def fill(settings: Settings, spark: "SparkSession", planner: Planner, said: Path, stopping: Stopping) -> None:
    """Take a history that was announced into the state, before anything else: live topics join when it is in.

    Checkpoints are close together here: nothing waits for a decision yet, a crash repeats little, and planning, the larger part
    of a checkpoint's pause, has been compiled by the time that somebody waits.
    """
    folder, kafka = settings.paths.checkpoints, settings.kafka
    checkpoint, refill = enrich.folder(folder), place.refill(folder)
    if place.knows(checkpoint, TRANSACTIONS):
        place.filled(folder)
        return
    if refill is None and not settings.hot.await_history:
        return
    logged = APPLIED if refill is None else REFILLED
    with closing(Filling(kafka.bootstrap, logged)) as filling:
        query = enrich.start(
            spark,
            kafka,
            settings.hot,
            checkpoint,
            FILLING_CHECKPOINT_SECONDS,
            topics=(HISTORY,),
            offsets=refill and {HISTORY.name: refill[HISTORY.name]},
            out=(FEATURES, logged),
        )
        while (share := filling.share()) < 1 and not stopping():
            require_active(query)
            status.report(said, "warming", f"filling the state from history: {share:.0%}", share=share)
            time.sleep(1)
    reached = checkpoints(query.lastProgress)
    while checkpoints(query.lastProgress) == reached and not stopping():
        require_active(query)
        status.report(said, "warming", "keeping the filled state")
        planner.step()
        time.sleep(0.2)
    query.stop()
    if not stopping():
        live = refill or {topic.name: _begins(kafka.bootstrap, topic) for topic in (TRANSACTIONS, SIGNALS)}
        place.join(checkpoint, {topic: begins for topic, begins in live.items() if topic != HISTORY.name})
        place.filled(folder)


def first_model(
    settings: Settings,
    spark: "SparkSession",
    stateful: "StreamingQuery",
    serving: Serving,
    said: Path,
    stopping: Stopping,
) -> None:
    """Wait for a champion and a policy that work."""
    while serving.champion is None and not stopping():
        require_active(stateful)
        note = renew(settings, spark, serving)
        if serving.champion is None:
            status.report(said, "warming", note or "waiting for a first model in the registry")
            time.sleep(settings.registry.poll_seconds)


def rehearse(settings: Settings, planner: Planner, said: Path, stopping: Stopping) -> None:
    """Let recent history run through the model until the JVM has compiled what it needs. Gives up quietly: it is only speed."""
    status.report(said, "warming", "rehearsing on recent history")
    while planner.left and not stopping():
        planner.step()
    deadline, seen = time.time() + REHEARSAL_SECONDS, -1
    while time.time() < deadline and not stopping():
        time.sleep(2)
        now = sum(end_offsets(settings.kafka.bootstrap, REHEARSAL.name).values())
        if now == seen:
            return
        seen = now


def serve(
    settings: Settings,
    spark: "SparkSession",
    stateful: "StreamingQuery",
    serving: Serving,
    planner: Planner,
    said: Path,
    stopping: Stopping,
) -> None:
    """Watch both queries, keep the place, look for another model or policy."""
    turn, opened = 0, time.monotonic()
    while not stopping():
        require_active(stateful)
        if time.monotonic() - opened > SETTLED_SECONDS:
            planner.step()
        if turn % max(1, int(settings.hot.place_seconds / settings.registry.poll_seconds)) == 0:
            serving.watch()
        note = renew(settings, spark, serving)
        status.report(said, "open", note or "deciding", **_facts(stateful, serving))
        turn += 1
        pause(settings.registry.poll_seconds, serving.published)


def pause(seconds: float, published: Published) -> None:
    """Until it is time to ask the registry again, or another policy was published: somebody waits for that one."""
    until, before = time.monotonic() + seconds, published.policy
    while time.monotonic() < until and published.policy == before:
        time.sleep(min(seconds, PUBLISHED_SECONDS))
        published.look()


def renew(settings: Settings, spark: "SparkSession", serving: Serving) -> str:
    """Swap model or policy if others are wanted and work. Returns what is not as it should be, in words."""
    want = choice.wanted(settings.registry, settings.paths, serving.published)
    both = (want.version, want.policy.version if want.policy else None)
    try:
        if both not in serving.refused and _differs(serving, want):
            _swap(settings, serving, want)
    except Unavailable as problem:
        return str(problem)
    except ModelRejected as problem:
        log.warning("%s", problem)
        serving.refused[both] = f"refused: {problem}"
    return serving.refused.get(both, want.note)


def require_active(stateful: "StreamingQuery") -> None:
    """Nothing is skipped in silence.

    Raises:
        Unaccounted: the query stopped by itself.
    """
    if not stateful.isActive:
        raise Unaccounted(f"enrich stopped by itself; start again to go on at its checkpoint: {stateful.exception()}")


def checkpoints(progress: Mapping[str, Any] | None) -> int:
    """Checkpoints that a query has behind it since it was new, from its latest report."""
    return progress["batchId"] + 1 if progress else 0


def _begins(bootstrap: str, topic: Topic) -> dict[str, int]:
    return {str(partition): offset for partition, offset in first_offsets(bootstrap, topic.name).items()}


def _differs(serving: Serving, want: Wanted) -> bool:
    other_policy = want.policy is not None and want.policy != serving.policy
    return serving.champion is None or want.version != serving.champion.version or other_policy


def _swap(settings: Settings, serving: Serving, want: Wanted) -> None:
    policy = want.policy or serving.policy
    if want.version is None or policy is None:
        return
    present = serving.champion
    if present is None or present.version != want.version:
        present = models.load(want.version, registry.fetch(settings.registry, want.version, settings.paths.models))
    serving.put(present, policy, served.has_served(settings.paths, want.version, policy))
    served.remember(settings.paths, want.version, policy)
    log.info("model version %s with policy %s serves", want.version, policy.version)


def _facts(stateful: "StreamingQuery", serving: Serving) -> dict[str, Any]:
    progress = stateful.lastProgress
    return {
        "model_version": serving.champion.version if serving.champion else None,
        "policy_version": serving.policy.version if serving.policy else None,
        "checkpoints": checkpoints(progress),
        "last_checkpoint": progress["durationMs"] if progress else {},
        "swaps": serving.swaps,
    }
