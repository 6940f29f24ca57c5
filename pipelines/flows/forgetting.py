"""Forgetting a card: its rows, their past, and the proof that nothing of it is left in the lake."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipelines import config, session
from pipelines.catalog import TABLES
from pipelines.errors import ClearholdError, EnvironmentProblem, UsageError
from pipelines.flows import landing, tending
from pipelines.folders import Folder, entries
from pipelines.land import declare, erasure, upkeep
from pipelines.land.landing import AT_ONCE, BEHIND
from pipelines.leadership import Leadership
from pipelines.local import landed, leftovers, lock
from pipelines.local.screen import Screen
from pipelines.monitor import text, traces
from pipelines.monitor.traces import Search

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ELSEWHERE: Final = frozenset({"lake", "broker", "checkpoints", "tmp"})
"""Folders of a run that are not searched: the lake has its own proof, the others pack what they keep."""
_TOKEN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/+=@-]{0,63}")


def run(place: Path, card: str) -> None:
    """Remove a card from every table and its past, and search for it.

    Args:
        place: folder of a run that is stopped.
        card: its token.

    Raises:
        UsageError: there is no such run, this is no token, or nothing of the card is there.
        EnvironmentProblem: the run is live, or somebody else works at its tables.
        ClearholdError: it is still there.
    """
    if not _TOKEN.fullmatch(card):
        raise UsageError("say which card: CARD=token, as it stands in card_id")
    lake = landed.require(place).absolute()
    if leftovers.holder(place):
        raise EnvironmentProblem(f"the run in {place} is live: stop it with Ctrl-C, forget the card, start it again")
    screen = Screen(place / "logs" / "forget.log")
    with lock.held(place):
        erased, removed = _erase(place, lake, card, screen)
        screen.say("searching every file of the lake")
        proof = {folder.name: traces.search(folder, card) for folder in entries(lake) if folder.is_dir()}
        screen.print(f"\n{words(erased, removed, proof)}\n")
        for line in remaining(place, card):
            screen.print(f"  {line}")
    left = [file for search in proof.values() for file in search.found]
    if left:
        raise ClearholdError(f"the card is still in {len(left)} files of the lake, the first is {left[0]}")


def _erase(place: Path, lake: Folder, card: str, screen: Screen) -> tuple[dict[str, int], dict[str, int]]:
    """Rows that named the card and files that were removed, by table."""
    settings = config.load(place / "settings.yaml")
    screen.say("starting Spark")
    spark = session.lake(settings.lake, "clearhold-erasure", settings.paths.store, options=upkeep.OPTIONS)
    try:
        held = _hold(spark, settings.paths.checkpoints)
        declare.tables(spark, lake)
        screen.say("looking for the card")
        erased = erasure.count(spark, lake, card)
        if not any(erased.values()) and not traces.search(lake, card).found:
            raise UsageError(f"nothing of this card is in the lake of {place}: it never was, or is forgotten already")
        there = _files(lake)
        screen.say(f"erasing {sum(erased.values()):,} rows; how its payments ended is noted first, for the books")
        erasure.note(spark, lake, card)
        erasure.remove(spark, lake, card)
        screen.say("removing every past version")
        erasure.vacuum(spark, lake)
        del held
    finally:
        spark.stop()
    left = _files(lake)
    return erased, {table: len(files - left[table]) for table, files in there.items()}


def _hold(spark: "SparkSession", checkpoints: Folder) -> list[Leadership]:
    """Everybody who may write is kept out: a vacuum without retention would remove what he is about to commit."""
    held = [landing.hold(spark, checkpoints / course.name) for course in (AT_ONCE, BEHIND)]
    tending_alone = Leadership(checkpoints / tending.NAME)
    if not tending_alone.take(spark):
        raise EnvironmentProblem("somebody tends the tables: wait until that is done, or stop it")
    return [*held, tending_alone]


def words(erased: Mapping[str, int], removed: Mapping[str, int], proof: Mapping[str, Search]) -> str:
    """What was done and what was found, for people."""
    rows: list[tuple[str, ...]] = [("table", "rows erased", "files removed", "files searched", "found")]
    rows += [
        (name, f"{erased.get(name, 0):,}", f"{removed.get(name, 0):,}", f"{search.scanned:,}", f"{len(search.found):,}")
        for name, search in proof.items()
    ]
    return text.table(rows)


def remaining(place: Path, card: str) -> Iterable[str]:
    """Where the card may still be, outside the lake."""
    hours = config.load(place / "settings.yaml").kafka.retention_hours
    until = datetime.now(UTC) + timedelta(hours=hours)
    yield f"Still in Kafka, until {until:%Y-%m-%d %H:%M} UTC at the latest: a lake made anew from it holds the card again."
    yield "Not searched: models that learned from it, and the stream's state: `make refill` fills one without the card."
    for entry in sorted(place.iterdir()):
        if entry.name not in ELSEWHERE:
            files = sorted(file for file in entry.rglob("*") if file.is_file()) if entry.is_dir() else [entry]
            yield from (f"Still there: {file}" for file in files if traces.holds(file, card))


def _files(lake: Folder) -> dict[str, set[str]]:
    return {table.name: {file.name for file in entries(lake / table.name, "*.parquet")} for table in TABLES}
