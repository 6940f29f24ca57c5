"""What the lake knows of a card around a decision: what the model saw beside what is usual, its payments, its places."""

import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from duckdb import DuckDBPyConnection

from pipelines import reading
from pipelines.catalog import APPLIED_TABLE, CONTRIBUTIONS_TABLE, DECISIONS_TABLE, FEATURES_TABLE
from pipelines.desk.pages import money, when
from pipelines.features import book
from pipelines.folders import Folder

DAYS: Final = 30
DAY_MS: Final = 86_400_000
MOST: Final = 2_000
SHOWN: Final = 8
"""Features, and lines of the list."""
PATIENCE_SECONDS: Final = 2.0
_TABLES: Final = (FEATURES_TABLE, APPLIED_TABLE, CONTRIBUTIONS_TABLE, DECISIONS_TABLE)
_COLUMNS: Final = (
    "transaction_id, event_ms, amount_minor, currency, merchant_id, category, channel, country, latitude, longitude, ip"
)
_NOTHING: Final[Mapping[str, Any]] = {
    "features": [],
    "payments": [],
    "timeline": [],
    "places": [],
    "neighbours": [],
    "note": "",
}
_READER: Final = threading.Lock()
"""One reads at a time: who leafs through cases faster than that must not fill the desk's memory and threads."""

Row = Mapping[str, Any]


class Known(NamedTuple):
    """A feature that mattered: what it was, what it is for this card half of the time (quartiles), what it is now."""

    name: str
    doc: str
    unit: str
    part: float | None
    value: float | None
    usual: tuple[float, float] | None
    latest: float | None


class Dot(NamedTuple):
    """A payment in a picture: its place there, 0 to 100, and what to say of it."""

    x: float
    y: float
    kind: str
    words: str


def of(lake: Folder, decision: Row) -> dict[str, Any]:
    """What a case's page shows of the lake: `features`, `payments`, `timeline`, `places`, `neighbours`, `note`.

    Args:
        lake: folder of the tables.
        decision: schemas.DECISION.
    """
    if not _READER.acquire(timeout=PATIENCE_SECONDS):
        return {**_NOTHING, "note": "The lake is being read for other cases: this one follows within seconds."}
    try:
        return _read(lake, decision)
    finally:
        _READER.release()


def _read(lake: Folder, decision: Row) -> dict[str, Any]:
    if not reading.are_there(lake, *_TABLES):
        return {**_NOTHING, "note": "The lake has no tables yet: what it knows of the card appears here once it does."}
    database = reading.opened(lake, *_TABLES)
    card, until = decision["card_id"], decision["event_ms"]
    logged = _logged(database, card, until - DAYS * DAY_MS)
    if not logged:
        return {**_NOTHING, "note": "Its payments have not landed yet: they are in the lake within seconds."}
    before = [row for row in logged if row["event_ms"] <= until]
    scored = next((row for row in before if row["transaction_id"] == decision["transaction_id"]), None)
    parts = _parts(database, decision)
    actions = _actions(database, card, until - DAYS * DAY_MS)
    return {
        "features": [] if scored is None else _features(parts, scored, before, logged[0]),
        "payments": before[:SHOWN],
        "actions": actions,
        "timeline": _timeline(before, until, actions, decision["transaction_id"]),
        "neighbours": [] if scored is None else _neighbours(database, scored),
        "places": _places(before, decision["transaction_id"]),
        "note": _missing(scored, parts),
    }


def _logged(database: DuckDBPyConnection, card: str, since_ms: int) -> list[Row]:
    """A card's payments with their features, the latest first; of a payment the last attempt."""
    features = ", ".join(each.name for each in book.FEATURES)
    columns = f"card_id, {_COLUMNS}, kafka_offset, {features}"
    which = "card_id = ? and event_ms >= ? and kind = 'transaction'"
    found = database.execute(
        f"""select * from (select {columns} from features where {which}
            union all select {columns} from applied where {which})
            qualify row_number() over (partition by transaction_id order by kafka_offset desc) = 1
            order by event_ms desc, transaction_id desc limit {MOST}""",
        [card, since_ms, card, since_ms],
    )
    return found.to_arrow_table().to_pylist()  # type: ignore[no-any-return]


def _neighbours(database: DuckDBPyConnection, scored: Row) -> list[Row]:
    """Other cards at the same internet address in the days before: card_id, payments, latest (event_ms)."""
    found = database.execute(
        f"""select card_id, count(*) as payments, max(event_ms) as latest
            from (select card_id, event_ms, ip from features union all select card_id, event_ms, ip from applied)
            where ip = ? and card_id <> ? and event_ms between ? and ? group by card_id order by latest desc limit {SHOWN}""",
        [scored["ip"], scored["card_id"], scored["event_ms"] - DAYS * DAY_MS, scored["event_ms"]],
    )
    return found.to_arrow_table().to_pylist()  # type: ignore[no-any-return]


def _parts(database: DuckDBPyConnection, decision: Row) -> dict[str, float]:
    """What each feature contributed to the score; empty until that is computed."""
    found = database.execute(
        """select features, contributions from contributions
            where event_ms = ? and transaction_id = ? and model_version = ? limit 1""",
        [decision["event_ms"], decision["transaction_id"], decision["model_version"]],
    ).fetchone()
    return dict(zip(*found, strict=True)) if found else {}


def _actions(database: DuckDBPyConnection, card: str, since_ms: int) -> dict[str, str]:
    """What was decided about a card's payments."""
    found = database.execute(
        "select transaction_id, action from decisions where card_id = ? and event_ms >= ?", [card, since_ms]
    )
    return dict(found.fetchall())


def _missing(scored: Row | None, parts: Mapping[str, float]) -> str:
    """What is still to come; empty when everything is there."""
    if scored is None:
        return "This payment has not landed yet: it is in the lake within seconds."
    return "" if parts else "What each feature contributed is not computed yet: that takes seconds."


def _features(parts: Mapping[str, float], scored: Row, before: Sequence[Row], latest: Row) -> list[Known]:
    known = {each.name: each for each in book.FEATURES}
    names = [name for name in parts if name in known][:SHOWN] or list(known)[:SHOWN]
    others = [row for row in before if row is not scored]
    return [
        Known(
            name,
            known[name].doc,
            known[name].unit,
            parts.get(name),
            scored[name],
            _quartiles([row[name] for row in others]),
            latest[name],
        )
        for name in names
    ]


def _quartiles(values: Sequence[float | None]) -> tuple[float, float] | None:
    """The range in which half of the known values lie; None of fewer than four."""
    known = sorted(value for value in values if value is not None)
    return None if len(known) < 4 else (known[len(known) // 4], known[(3 * len(known)) // 4])


def _timeline(rows: Sequence[Row], until_ms: int, actions: Mapping[str, str], ours: str) -> list[Dot]:
    """Payments by time (left to right, DAYS) and amount (bottom to top, logarithmic)."""
    most = max(math.log1p(row["amount_minor"]) for row in rows)
    return [
        Dot(
            100 - 100 * (until_ms - row["event_ms"]) / (DAYS * DAY_MS),
            100 - 100 * math.log1p(row["amount_minor"]) / most,
            "ours" if row["transaction_id"] == ours else actions.get(row["transaction_id"], "approve"),
            _words(row),
        )
        for row in reversed(rows)
    ]


def _places(rows: Sequence[Row], ours: str) -> list[Dot]:
    """Where the payments took place: longitude and latitude stretched to a square, kilometres alike in both directions."""
    placed = [row for row in rows if row["latitude"] is not None and row["longitude"] is not None]
    if not placed:
        return []
    north = [row["latitude"] for row in placed]
    squeeze = max(0.1, math.cos(math.radians(sum(north) / len(north))))
    east = [row["longitude"] * squeeze for row in placed]
    span = max(max(north) - min(north), max(east) - min(east), 0.01)
    middle_north, middle_east = (max(north) + min(north)) / 2, (max(east) + min(east)) / 2
    return [
        Dot(
            50 + 90 * (row["longitude"] * squeeze - middle_east) / span,
            50 - 90 * (row["latitude"] - middle_north) / span,
            "ours" if row["transaction_id"] == ours else "approve",
            _words(row),
        )
        for row in reversed(placed)
    ]


def _words(row: Row) -> str:
    where = ", ".join(str(row[name]) for name in ("category", "channel", "country") if row[name])
    return f"{money(row['amount_minor'], row['currency'])} · {when(row['event_ms'])} · {where}"
