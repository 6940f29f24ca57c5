"""The stream's state anew, from the lake: what it had taken in is published as history, in the order in which it saw it."""

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pipelines import config, signals
from pipelines.catalog import HISTORY, REFILLED, SIGNALS, SIGNALS_TABLE, TRANSACTIONS, TRANSACTIONS_TABLE
from pipelines.check import attempts, order
from pipelines.enrich import place as places
from pipelines.enrich import query as enrich
from pipelines.errors import Mismatch, UsageError
from pipelines.features import book
from pipelines.flows import accounting
from pipelines.folders import move, put
from pipelines.ingest.topics import Ends
from pipelines.local import landed, stack, topics
from pipelines.local.project import Project
from pipelines.local.screen import Screen
from pipelines.local.stack import HOT, Stack
from pipelines.monitor import text
from pipelines.schemas import SEQUENCES, SIGNAL, TRANSACTION, names
from pipelines.simulate import feed

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

OPEN_SECONDS: Final = 300.0
FILLED_PER_SECOND: Final = 200.0
"""Slowest filling that is waited for."""
_LIVE: Final = {TRANSACTIONS.name: TRANSACTIONS_TABLE, SIGNALS.name: SIGNALS_TABLE}
_WRITTEN: Final = ("kind", "event_id", *names(SEQUENCES), *(feature.name for feature in book.FEATURES))


class State(NamedTuple):
    """Events that the state has taken in, and a hash over what it logged of each: sequence numbers and features."""

    events: int
    hash: str


class Refilled(NamedTuple):
    """What the old state had logged, what the new one has, and events of which the two differ."""

    before: State
    now: State
    differing: int


def run(project: Project, run_folder: Path, environ: Mapping[str, str], days: int | None) -> None:
    """Fill the state of a stopped run from its lake. Payments that wait in Kafka are decided when the run is started again.

    Args:
        project: where environments and jars are.
        run_folder: of the run.
        environ: environment that broker and decision path are started with.
        days: only what happened in the last so many days; None for all.

    Raises:
        UsageError: there is no run, or not everything that was logged has landed.
        Mismatch: the new state logs something else than the old one, and was given the whole past.
    """
    landed.require(run_folder)
    settings = config.load(run_folder / "settings.yaml")
    screen = Screen(run_folder / "logs" / "refill.log")
    with stack.opened(project, settings, environ, screen.say) as running:
        running.start_broker()
        refilled = refill(running, screen, days)
    screen.print(f"\n{words(refilled)}")
    if refilled.differing and days is None:
        raise Mismatch(
            f"the new state logs {refilled.differing:,} of {refilled.now.events:,} events otherwise than the old one"
        )


def refill(running: Stack, screen: Screen, days: int | None = None) -> Refilled:
    """Fill the state of a run whose broker answers and where nobody decides.

    Raises:
        UsageError: not everything that was logged has landed.
    """
    paths, bootstrap = running.settings.paths, running.settings.kafka.bootstrap
    if not accounting.has_landed(running.settings):
        raise UsageError("not everything in Kafka has landed: start the run and stop it again, then its lake is whole")
    database = attempts.opened(paths.lake, *_LIVE.values())
    begins = _begins(database, accounting.ends(bootstrap, (TRANSACTIONS, SIGNALS)))
    chosen = _chosen(database, begins, days, screen)
    screen.say(f"{len(chosen):,} events are published as history, in the order in which the state saw them")
    since = topics.ends(bootstrap, REFILLED.name)
    _empty(running, {**begins, HISTORY.name: _by_text(topics.ends(bootstrap, HISTORY.name))})
    feed.send(map(_record, chosen), len(chosen), {"bootstrap.servers": bootstrap}, lambda *_: running.processes.tend())
    _await_filled(running, len(chosen))
    with tempfile.TemporaryDirectory(dir=paths.run, prefix="refill-") as scratch:
        _read_back(database, bootstrap, since, Path(scratch) / "refilled.json")
        return _compared(database)


def words(refilled: Refilled) -> str:
    """Both states, for people."""
    before, now, differing = refilled
    rows = [
        ("state", "events", "digest"),
        ("before", f"{before.events:,}", before.hash),
        ("now", f"{now.events:,}", now.hash),
    ]
    return f"{text.table(rows)}\n\n  " + (
        f"{differing:,} events are logged otherwise than before" if differing else "the same"
    )


def _begins(database: "DuckDBPyConnection", ends: Ends) -> dict[str, dict[str, int]]:
    """Where live topics go on: at the first admitted record that the state had not taken in, or at their end."""
    found = {topic: _by_text(parts) for topic, parts in ends.items()}
    for topic, table in _LIVE.items():
        missing = database.execute(
            f"select kafka_partition, min(kafka_offset) from {table.name} where (kafka_partition, kafka_offset) not in "
            "(select (source_partition, source_offset) from logged where origin = ?) group by all",
            [topic],
        )
        found[topic] |= {str(partition): offset for partition, offset in missing.fetchall()}
    return found


def _chosen(
    database: "DuckDBPyConnection", begins: Mapping[str, Mapping[str, int]], days: int | None, screen: Screen
) -> list[dict[str, Any]]:
    """Logged events that lie before `begins`, lined up."""
    late = " or ".join(
        f"(origin = '{topic}' and source_partition = {partition} and source_offset >= {offset})"
        for topic, parts in begins.items()
        for partition, offset in parts.items()
    )
    young = f"event_ms > (select max(event_ms) from logged) - {days} * 86400000" if days else "true"
    seen = ", ".join(f"{entity.key} as {entity.name}_key" for entity in book.ENTITIES)
    database.execute(f"create table taken as select *, {seen} from logged where not ({late}) and {young}")
    found = attempts.rows(database, "select * from taken order by appended_at, kafka_offset")
    lined_up = order.line_up(
        [[(row[f"{entity.name}_key"], row[entity.sequence]) for entity in book.ENTITIES] for row in found]
    )
    if lined_up.forced:
        screen.say(
            f"{lined_up.forced:,} events cannot be lined up for all that saw them: a part of the past is not in the lake"
        )
    return [found[position] for position in lined_up.order]


def _record(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event as it was sent."""
    is_payment = event["kind"] == "transaction"
    fields = names(TRANSACTION if is_payment else SIGNAL)
    times = {"event_time": event["event_ms"], "transaction_time": event["transaction_ms"], "until": event["until_ms"]}
    made = {name: event.get(name) for name in fields} | {
        name: signals.iso(ms) for name, ms in times.items() if name in fields and ms is not None
    }
    if not is_payment:
        made |= {"signal_id": event["event_id"], "source": "system"}  # no feature looks at the source of a signal
    return {name: value for name, value in made.items() if value is not None}


def _empty(running: Stack, begins: Mapping[str, Mapping[str, int]]) -> None:
    """Put the old state aside and say how the new one is filled: a run that is started after a crash from here on does that."""
    checkpoints = running.settings.paths.checkpoints
    put(checkpoints / places.REFILL, json.dumps(begins))
    folder = enrich.folder(checkpoints)
    if folder.exists():
        move(folder, folder.with_name(f"before-{time.time_ns()}-{folder.name}"))


def _await_filled(running: Stack, events: int) -> None:
    checkpoint = enrich.folder(running.settings.paths.checkpoints)
    running.start_hot()
    seconds = OPEN_SECONDS + events / FILLED_PER_SECOND
    running.wait(lambda: places.knows(checkpoint, TRANSACTIONS), seconds, "the state is not filled", (HOT,))
    running.processes.stop([HOT])


def _read_back(database: "DuckDBPyConnection", bootstrap: str, since: topics.Offsets, file: Path) -> None:
    """What the new state logged, as the view `refilled`."""
    with file.open("wb") as out:
        for message in topics.read(bootstrap, REFILLED.name, since):
            out.write((message.value() or b"{}") + b"\n")
    types = {"kind": "varchar", "event_id": "varchar", **dict.fromkeys(names(SEQUENCES), "bigint")}
    features = ", ".join(f"{feature.name} double" for feature in book.FEATURES)
    columns = ", ".join(f"{name}: '{type_}'" for name, type_ in (types | {"features": f"struct({features})"}).items())
    database.execute(
        f"create table refilled as select * exclude (features), features.* from read_json('{file}', "
        f"format = 'newline_delimited', columns = {{{columns}}})"
    )


def _compared(database: "DuckDBPyConnection") -> Refilled:
    columns = ", ".join(_WRITTEN)
    before, now = (_state(database, f"select {columns} from {table}") for table in ("taken", "refilled"))
    found = database.execute(
        f"select count(*) from (select {columns} from taken except select {columns} from refilled)"
    )
    (differing,) = found.fetchone() or (0,)
    return Refilled(before, now, int(differing))


def _state(database: "DuckDBPyConnection", sql: str) -> State:
    count, total = database.execute(f"select count(*), sum(hash({', '.join(_WRITTEN)})) from ({sql})").fetchone() or (
        0,
        None,
    )
    return State(int(count), f"{int(total or 0) % 2**64:016x}")


def _by_text(offsets: Mapping[int, int]) -> dict[str, int]:
    return {str(partition): offset for partition, offset in offsets.items()}
