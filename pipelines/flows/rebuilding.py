"""The lake anew, from Kafka: built beside the old one, checked, and put in its place."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import duckdb
from deltalake import DeltaTable

from pipelines import config, status
from pipelines.catalog import ERASURES_TABLE, FROM_TOPICS, GAPS_TABLE, LANDED, LANDED_BEHIND, RECORDS_TABLE, TABLES
from pipelines.config import Settings
from pipelines.errors import Unaccounted, UsageError
from pipelines.flows import accounting
from pipelines.flows.traffic import settle
from pipelines.folders import Folder, copy, move, remove
from pipelines.ingest.topics import Ends, first_offsets
from pipelines.land import resume
from pipelines.land.landing import AT_ONCE, BEHIND
from pipelines.local import landed, stack
from pipelines.local.project import Project
from pipelines.local.screen import Screen
from pipelines.local.stack import Stack
from pipelines.monitor import accounts, digest

BESIDE: Final = "rebuild"
OLD: Final = "lake-before"
OPEN_SECONDS: Final = 300.0


class Rebuilt(NamedTuple):
    """What came of it. `records` landed in `seconds`, Spark's start excepted; `same`: each table holds what it held before."""

    records: int
    seconds: float
    same: bool


def run(project: Project, place: Path, environ: Mapping[str, str]) -> None:
    """Rebuild the lake of a stopped run. Until the new one is whole the old one stays as it is.

    Raises:
        UsageError: there is no run.
        EnvironmentProblem: it is live.
        Unaccounted: Kafka no longer has what the old lake holds, or the new one does not add up.
    """
    if not (place / "settings.yaml").exists():
        raise UsageError(f"there is no run in {place}: name one with RUN=")
    screen = Screen(place / "logs" / "rebuild.log")
    with stack.opened(project, config.load(place / "settings.yaml"), environ, screen.say) as running:
        running.start_broker()
        rebuild(running, screen)


def rebuild(running: Stack, screen: Screen) -> Rebuilt:
    """Rebuild the lake of a run whose broker answers and where nothing lands.

    Raises:
        Unaccounted: Kafka no longer has what the old lake holds, or the new one does not add up; the old one stays.
    """
    paths = running.settings.paths
    require_all_there(running.settings)
    before = digest.tables(paths.lake)
    reached = accounting.ends(running.settings.kafka.bootstrap)
    beside = _settings_beside(running.settings)
    new = beside.paths.lake
    seconds = _land(running, beside, reached, screen)
    books = accounts.close(new, reached)
    screen.print(f"\n{accounts.words(books)}\n")
    if books.not_landed:  # a payment without a decision may still get one
        raise Unaccounted(f"{books.not_landed:,} records are not where they should be; the lake stays as it is")
    _carry_over(paths.lake, new)
    if landed.rows(paths.lake).get(ERASURES_TABLE.name):
        screen.say(
            "cards had been forgotten in the old lake: Kafka brings back what it still holds of them; forget them again"
        )
    after = digest.tables(new)
    old = _swap(running.settings, beside)
    same = before == after
    if same:
        remove(old)
    screen.print(f"{digest.words(before, after)}\n")
    rebuilt = Rebuilt(landed.records(paths.lake) + landed.records_behind(paths.lake), seconds, same)
    screen.print(words(rebuilt, old))
    return rebuilt


def words(rebuilt: Rebuilt, old: Folder) -> str:
    """The result for people."""
    speed = rebuilt.records / max(rebuilt.seconds, 0.1)
    lines = [f"  rebuilt       {rebuilt.records:,} records in {rebuilt.seconds:.1f} s: {speed:,.0f} a second"]
    if not rebuilt.same and old.exists():
        lines.append(f"  differs       from the lake before, which is kept in {old}")
    return "\n".join(lines)


def require_all_there(settings: Settings) -> None:
    """Refuse to rebuild from topics that have lost what the lake still holds.

    Raises:
        Unaccounted: they have.
    """
    records = settings.paths.lake / RECORDS_TABLE.name
    if not DeltaTable.is_deltatable(str(records)):
        return
    database = duckdb.connect()
    database.register("records", DeltaTable(str(records)).to_pyarrow_dataset())
    for topic in LANDED:
        for partition, begin in first_offsets(settings.kafka.bootstrap, topic.name).items():
            where = "topic = ? and kafka_partition = ? and kafka_offset < ?"
            found = database.execute(f"select count(*) from records where {where}", [topic.name, partition, begin])
            (lost,) = found.fetchone() or (0,)
            if lost:
                raise Unaccounted(
                    f"Kafka no longer has {lost:,} records of {topic.name}/{partition} that are in the lake: "
                    "a lake made from Kafka would lack them; the lake stays as it is"
                )


def _settings_beside(settings: Settings) -> Settings:
    """The same broker, another folder, no waiting between batches, and no decision that a large batch could hold up."""
    beside, lake = settings.paths.run / BESIDE, settings.lake
    store = settings.paths.store and f"{settings.paths.store}/{BESIDE}"
    paths = settings.paths.model_copy(update={"run": beside, "store": store})
    for left in (beside, paths.lake, paths.checkpoints):
        remove(left)
    return settings.model_copy(
        update={
            "paths": paths,
            "lake": lake.model_copy(update={"trigger_seconds": 1, "behind_records": lake.batch_records}),
        }
    )


def _land(running: Stack, beside: Settings, reached: Ends, screen: Screen) -> float:
    """Land everything; how many seconds that took once Spark was there."""
    file, lake = beside.paths.run / "settings.yaml", beside.paths.lake
    config.dump(beside, file)
    total = sum(sum(reached[topic.name].values()) for topic in (*LANDED, *LANDED_BEHIND))
    screen.say(f"{total:,} records are landed anew, beside the lake that is there")
    running.start_job("landing", "jobs.land_events", settings=file)
    processes = running.processes
    processes.wait(
        lambda: status.look(beside.paths.status / "landing.json").get("state") == "open", OPEN_SECONDS, "landing"
    )
    began = told = time.monotonic()

    def reached_now() -> int:
        return landed.records(lake) + landed.records_behind(lake)

    def done() -> bool:
        nonlocal told
        if time.monotonic() - told > 5:
            told = time.monotonic()
            screen.say(f"{reached_now():,} of {total:,} records")
        return landed.holds(lake, reached)

    whole = settle(processes, done, reached_now)
    seconds = time.monotonic() - began
    processes.stop(["landing"])
    if not whole:
        raise Unaccounted(f"only {reached_now():,} of {total:,} records landed: see the logs; the lake stays as it is")
    return seconds


def _carry_over(old: Folder, new: Folder) -> None:
    """Tables that are not made of Kafka records. Gaps and erasures are those of the old lake: the new one has none."""
    for table in TABLES:
        if table not in (*FROM_TOPICS, GAPS_TABLE, ERASURES_TABLE) and (old / table.name).exists():
            remove(new / table.name)
            copy(old / table.name, new / table.name)


def _swap(settings: Settings, beside: Settings) -> Folder:
    """The new lake in place of the old one, which is moved to the folder that is returned.

    Without a checkpoint landing goes on behind what a lake holds, whichever it is.
    """
    paths = settings.paths
    old = paths.lake.parent / OLD
    for course in (AT_ONCE, BEHIND):
        resume.clear(paths.checkpoints / course.name)
    if paths.lake.exists():
        remove(old)
        move(paths.lake, old)
    move(beside.paths.lake, paths.lake)
    for left in (beside.paths.run, beside.paths.checkpoints):
        remove(left)
    return old
