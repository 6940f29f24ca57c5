"""The watch over model and data in service: looks at the lake of a run and says what is not as usual."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from duckdb import DuckDBPyConnection

from pipelines import config, reading, reference, rows, spread
from pipelines.catalog import QUARANTINE_TABLE, RECORDS_TABLE, SIGNALS, TRANSACTIONS, WATCH_TABLE
from pipelines.config import Settings
from pipelines.features import book
from pipelines.features.spec import DAY, HOUR
from pipelines.files import put_json
from pipelines.flows import material, model_watch
from pipelines.label import verdicts
from pipelines.local import landed
from pipelines.monitor import drift, findings, gauges, rates, wire
from pipelines.monitor.findings import FEATURE, SCORE, Finding
from pipelines.monitor.rates import Count
from pipelines.monitor.wire import Raw
from pipelines.reference import Reference
from pipelines.schemas import EVENT, LAST_FOUR, SIGNAL, TRANSACTION, names

DAYS: Final = 7
"""A whole week is looked at: no day of the week is a surprise."""
LATEST: Final = 5_000
"""Records of a topic whose fields are looked at."""
SEARCHED: Final = 50_000
"""Records among which the first offender is looked for; those before the latest say which fields are usual."""
SENT: Final = ((TRANSACTIONS, (*TRANSACTION, LAST_FOUR)), (SIGNALS, SIGNAL))
"""Topics, and the fields that their records may have."""
_OPTIONAL: Final = [
    field.name
    for field in TRANSACTION
    if not field.required and field.name in names(EVENT) and field.name != "sent_at_ms"
]


class Look(NamedTuple):
    """What was looked at, and found. Times in epoch milliseconds."""

    version: str | None
    since: int
    until: int
    found: list[Finding]


def run(place: Path) -> Look:
    """Look once at a run, live or stopped. Leaves rows in the table `watch`, watch.json, metrics/watch.prom and watch/drift.png.

    Raises:
        UsageError: nothing of it has landed.
    """
    lake, settings = landed.require(place), config.load(place / "settings.yaml")
    look = looked(settings)
    now = datetime.now(UTC)
    about = {
        "looked_at": now,
        "model_version": look.version,
        "since": datetime.fromtimestamp(look.since / 1000, UTC),
        "until": datetime.fromtimestamp(look.until / 1000, UTC),
    }
    rows.append(lake, WATCH_TABLE, [about | one._asdict() | {"edge": one.limit} for one in look.found])
    put_json(
        place / f"{model_watch.NAME}.json",
        {
            "message": findings.words(look.found),
            **{name: value if isinstance(value, str | None) else value.isoformat() for name, value in about.items()},
            "alarms": [one._asdict() for one in findings.raised(look.found)],
        },
    )
    gauges.write(look.found, now.timestamp(), settings.paths.watch_metrics)
    gauges.draw(look.found, place / model_watch.NAME / "drift.png")
    return look


def looked(settings: Settings) -> Look:
    """What a look at the lake finds."""
    lake = settings.paths.lake
    made = material.of_lake(lake)
    reading.register(made, lake, RECORDS_TABLE, QUARANTINE_TABLE)
    version = _one(made, "select max_by(model_version, event_ms) from decisions")
    past = reference.read(settings.paths.models / version) if version else None
    schema = [one for topic, fields in SENT for one in wire.drift(topic.name, fields, _raw(made, topic.name), LATEST)]
    look = of(made, past, version, settings.labels.precedence)
    made.close()
    return look._replace(found=[*look.found, *schema])


def of(
    made: DuckDBPyConnection,
    past: Reference | None,
    version: str | None,
    precedence: tuple[str, ...],
    until: int | None = None,
) -> Look:
    """Everything but the fields of raw records.

    Args:
        made: views `logged` (schemas.EVENT), material.PAID, `decisions` (schemas.DECISION) and label.verdicts.VERDICTS.
        past: what the model in service was trained on.
        version: of that model.
        precedence: trusted sources of verdicts.
        until: epoch milliseconds; later payments are not looked at. None for the newest.
    """
    now = min(until or 2**62, _one(made, f"select max(event_ms) from {material.PAID}") or 0)
    end = now // DAY * DAY
    begin = end - DAYS * DAY
    verdicts.believe(made, precedence, now)
    found = [*_drift(made, past, version, begin, end), *_rates(made, version, begin, end), *_volumes(made, begin, now)]
    return Look(version, begin, end, found)


def _drift(
    made: DuckDBPyConnection, past: Reference | None, version: str | None, begin: int, end: int
) -> Iterator[Finding]:
    if past is None:
        why = f"version {version} was trained before references were kept" if version else "nothing was decided yet"
        yield findings.early(FEATURE, "all", "psi", why)
        return
    present = material.population(made, begin, end)
    now = {name: spread.like(before, present.features[name], present.cards) for name, before in past.features.items()}
    yield from drift.features(past.features, now, book.ACCRUING)
    decided = made.execute(
        f"""select probability, card_id from decisions
        where model_version = ? and {_within(begin, end)}""",
        [version],
    ).fetchnumpy()
    if len(decided["probability"]):
        yield from drift.score(
            past.probability, spread.like(past.probability, decided["probability"], decided["card_id"])
        )
    else:
        yield findings.early(SCORE, "probability", "psi", f"version {version} has decided nothing in these days")


def _rates(made: DuckDBPyConnection, version: str | None, begin: int, end: int) -> Iterator[Finding]:
    before, now = f"event_ms < {begin}", _within(begin, end)
    of_model = (
        "select count(*) filter (where action <> 'approve'), count(*) from decisions where model_version = ? and "
    )
    yield rates.alerts(_count(made, of_model + before, version), _count(made, of_model + now, version))
    told = f"""select count(*) filter (where verdict = 'fraud'), count(*) from decisions
        join {verdicts.BELIEVED} using (transaction_id) where action <> 'approve' and """
    yield rates.precision(_count(made, told + before), _count(made, told + now))
    cards = _one(made, f"select count(distinct card_id) from logged where kind = 'transaction' and {now}") or 0
    yield from rates.missing(_nulls(made, before), _nulls(made, now), cards)


def _volumes(made: DuckDBPyConnection, begin: int, now: int) -> Iterator[Finding]:
    """Each day of the window, and each hour of the last 24, against the same on the days before.

    The first day of the record may be half a day: it does not count.
    """
    every = f"select event_ms // {HOUR}, count(*) from {material.PAID} where event_ms < {now} group by 1"
    by_hour: dict[int, int] = dict(made.execute(every).fetchall())
    first = min(by_hour, default=0) * HOUR // DAY + 1

    def payments(start: int, unit: int) -> int:
        return sum(by_hour.get(hour, 0) for hour in range(start // HOUR, (start + unit) // HOUR))

    day, hour = now // DAY * DAY, now // HOUR * HOUR
    days, hours = range(begin, day, DAY), range(hour - DAY, hour, HOUR)
    for unit, starts, strays in ((DAY, days, rates.DAY_STRAYS), (HOUR, hours, rates.HOUR_STRAYS)):
        for start in starts:
            alike = [each for each in range(first, start // DAY) if _kind(each) == _kind(start // DAY)]
            usual = [payments(each * DAY + start % DAY, unit) for each in alike]
            name = f"on {_date(start)}" + (f" at {start % DAY // HOUR:02d} h" if unit == HOUR else "")
            yield rates.volume(name, usual, payments(start, unit), strays)


def _kind(day: int) -> int:
    """A working day (0), a Saturday (1) or a Sunday (2); days since 1970, which began on a Thursday."""
    return max((day + 3) % 7 - 4, 0)


def _nulls(made: DuckDBPyConnection, when: str) -> dict[str, Count]:
    counts = ", ".join(f"count(*) filter (where {name} is null)" for name in _OPTIONAL)
    found = (
        made.execute(f"select count(*), {counts} from logged where kind = 'transaction' and {when}").fetchone() or ()
    )
    return {name: Count(int(some), int(found[0])) for name, some in zip(_OPTIONAL, found[1:], strict=True)}


def _raw(made: DuckDBPyConnection, topic: str) -> list[Raw]:
    """The latest records of a topic in order; of refused ones what was kept of them."""
    ends = made.execute(
        f"select kafka_partition, max(kafka_offset) from {RECORDS_TABLE.name} where topic = ? group by 1", [topic]
    ).fetchall()
    found: list[tuple[Any, ...]] = []
    for partition, end in ends:
        since = end - SEARCHED // len(ends)
        columns = "select topic, kafka_partition, kafka_offset, value, appended_at"
        where = f"where topic = '{topic}' and kafka_partition = {partition} and kafka_offset > {since} and value is not null"
        both = " union all ".join(f"{columns} from {table.name} {where}" for table in (RECORDS_TABLE, QUARANTINE_TABLE))
        found += made.execute(both).fetchall()
    return [Raw(*one[:4]) for one in sorted(found, key=lambda one: (one[4], one[2]))]


def _within(begin: int, end: int) -> str:
    return f"event_ms >= {begin} and event_ms < {end}"


def _count(made: DuckDBPyConnection, sql: str, *values: Any) -> Count:
    return Count(*(made.execute(sql, values).fetchone() or (0, 0)))


def _one(made: DuckDBPyConnection, sql: str) -> Any:
    return (made.execute(sql).fetchone() or (None,))[0]


def _date(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).date().isoformat()
