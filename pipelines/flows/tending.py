"""One round of upkeep: every table of a run, live or stopped, and what earlier definitions of features have left."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from pipelines import config, session
from pipelines.catalog import TABLES
from pipelines.config import Settings
from pipelines.enrich import query as enrich
from pipelines.errors import EnvironmentProblem
from pipelines.folders import Folder, entries, remove
from pipelines.land import declare, upkeep
from pipelines.land.upkeep import Tended
from pipelines.leadership import Leadership
from pipelines.local import landed
from pipelines.local.screen import Screen
from pipelines.monitor import text

NAME: Final = "upkeep"
MEGABYTE: Final = 1_000_000


def run(place: Path) -> list[Tended]:
    """Tend the tables of a run; tells what was done.

    Args:
        place: folder of the run.

    Raises:
        UsageError: nothing of it has landed.
        EnvironmentProblem: somebody else tends them.
        Unavailable: somebody keeps changing a table.
    """
    lake = landed.require(place).absolute()
    settings = config.load(place / "settings.yaml")
    screen = Screen(place / "logs" / "tend.log")
    screen.say("starting Spark")
    spark = session.lake(settings.lake, "clearhold-upkeep", settings.paths.store, options=upkeep.OPTIONS)
    try:
        held = Leadership(settings.paths.checkpoints / NAME)
        if not held.take(spark):
            raise EnvironmentProblem(f"somebody else tends the tables of {place}: wait until that is done")
        declare.tables(spark, lake)
        done = []
        for table in TABLES:
            screen.say(f"tending {table.name}")
            done.append(upkeep.tend(spark, lake / table.name))
    finally:
        spark.stop()
    for folder in unused(settings):
        screen.say(f"removing {folder}: a state of other features, not touched for longer than Kafka keeps records")
        remove(folder)
    screen.print(f"\n{words(done)}")
    return done


def unused(settings: Settings) -> list[Folder]:
    """Checkpoints of the stream that belong to other states than today's and can no longer be gone on from.

    Whoever decides writes to its checkpoint every few minutes; what was not touched for as long as Kafka keeps records goes on
    nowhere, whatever program would be started.
    """
    present = enrich.folder(settings.paths.checkpoints)
    since = time.time() - settings.kafka.retention_hours * 3600
    others = entries(settings.paths.checkpoints, f"{enrich.NAME}-*")
    return [folder for folder in others if folder != present and _touched(folder) < since]


def words(done: Iterable[Tended]) -> str:
    """What was done, for people."""
    rows: list[tuple[str, ...]] = [
        ("table", "files", "after", "MB", "after", "log", "after", "removed", "read ms", "after", "seconds")
    ]
    rows += [
        (
            one.table,
            *(f"{look.files:,}" for look in (one.before, one.after)),
            *(f"{look.bytes / MEGABYTE:,.1f}" for look in (one.before, one.after)),
            *(f"{look.entries:,}" for look in (one.before, one.after)),
            f"{one.removed:,}",
            *(f"{look.read_ms:,.0f}" for look in (one.before, one.after)),
            f"{one.seconds:.1f}",
        )
        for one in done
    ]
    return text.table(rows)


def _touched(folder: Folder) -> float:
    """When anything in a folder was last written, epoch seconds."""
    return max(entry.stat().st_mtime for entry in [folder, *entries(folder, "**/*")])
