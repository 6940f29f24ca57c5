"""How far boosting is: MLlib tells nobody which tree it grows, but Spark counts the jobs that it takes."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EVERY_SECONDS: Final = 5.0


@contextmanager
def watched(spark: "SparkSession", trees: int, depth: int, note: Callable[[str], None]) -> Iterator[None]:
    """Tell `note` every five seconds about which tree is grown and how long the others will take.

    A tree takes about one job a level. Jobs of other threads would count as well: one model is fitted at a time.
    """
    context = spark.sparkContext
    first = context.statusTracker().getJobIdsForGroup(None)
    began, before, ended = time.monotonic(), max(first, default=-1), Event()

    def look() -> None:
        while not ended.wait(EVERY_SECONDS):
            jobs = max(context.statusTracker().getJobIdsForGroup(None), default=-1) - before
            tree = min(max(jobs // max(depth, 1), 1), trees)
            left = (time.monotonic() - began) / tree * (trees - tree)
            note(f"about tree {tree} of {trees}, {left:.0f} s left")

    watcher = Thread(target=look, name="trees", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
