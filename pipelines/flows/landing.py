"""The landing job: topics into the lake, until told to stop."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pipelines import session, status
from pipelines.config import Settings
from pipelines.errors import EnvironmentProblem, Unaccounted
from pipelines.folders import Folder
from pipelines.land import declare
from pipelines.land.landing import AT_ONCE, BEHIND, Landing
from pipelines.leadership import Leadership

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PATIENCE_SECONDS: Final = 10.0


def run(settings: Settings, stopping: Callable[[], bool]) -> None:
    """Land until `stopping` says so.

    Raises:
        EnvironmentProblem: another job lands here.
        Unaccounted: a query stopped by itself: nothing is skipped, the next start goes on where it was; or Kafka threw away
            records before they landed, and nobody has allowed that.
    """
    said = settings.paths.status / "landing.json"
    status.report(said, "starting", "starting Spark")
    paths = settings.paths
    spark = session.lake(settings.lake, store=settings.paths.store)
    held = hold(spark, paths.checkpoints / AT_ONCE.name)
    try:
        declare.tables(spark, paths.lake)
        landings = [
            Landing(spark, settings.kafka, settings.lake, paths.lake, paths.checkpoints, course)
            for course in (AT_ONCE, BEHIND)
        ]
        queries = [each.start() for each in landings]  # none writes while another one still trims
        while not stopping():
            for each in queries:
                if not each.isActive:
                    raise Unaccounted(f"{each.name} stopped by itself; start it again to go on: {each.exception()}")
            progress = queries[0].lastProgress
            status.report(said, "open", "landing", batches=progress["batchId"] + 1 if progress else 0)
            time.sleep(1)
    except Exception as problem:
        status.report(said, "failed", str(problem).splitlines()[0])
        raise
    finally:
        for each in reversed(spark.streams.active):
            each.stop()
        spark.stop()
        del held
    status.report(said, "stopped", "stopped in order")


def hold(spark: "SparkSession", checkpoint: Folder) -> Leadership:
    """Hold the checkpoint for as long as what is returned is kept. A job that was killed may need a moment to let go of it.

    Raises:
        EnvironmentProblem: another job holds it.
    """
    leadership, deadline = Leadership(checkpoint), time.monotonic() + PATIENCE_SECONDS
    while not leadership.take(spark):
        if time.monotonic() > deadline:
            raise EnvironmentProblem(f"another landing job works at {checkpoint}: end that one first")
        time.sleep(0.5)
    return leadership
