"""The landing job: topics into the lake, until told to stop."""

import time
from collections.abc import Callable

from pipelines import session, status
from pipelines.config import Settings
from pipelines.errors import Unaccounted
from pipelines.land import landing


def run(settings: Settings, stopping: Callable[[], bool]) -> None:
    """Land until `stopping` says so.

    Raises:
        Unaccounted: the query stopped by itself; nothing is skipped, the next start goes on where it was.
    """
    said = settings.paths.status / "landing.json"
    status.report(said, "starting", "starting Spark")
    spark = session.lake(settings.lake)
    query = landing.start(spark, settings.kafka, settings.lake, settings.paths.lake, settings.paths.checkpoints)
    try:
        while not stopping():
            if not query.isActive:
                raise Unaccounted(f"landing stopped by itself; start it again to go on: {query.exception()}")
            progress = query.lastProgress
            status.report(said, "open", "landing", batches=progress["batchId"] + 1 if progress else 0)
            time.sleep(1)
    except Exception as problem:
        status.report(said, "failed", str(problem).splitlines()[0])
        raise
    finally:
        query.stop()
        spark.stop()
    status.report(said, "stopped", "stopped in order")
