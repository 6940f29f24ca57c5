"""Twelve questions about a run, each answered by a chart: from the lake, the desk's own database, and what processes say."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from scipy.stats import binomtest
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from pipelines import reading, status
from pipelines.casework import clock, messages
from pipelines.casework.tables import CLOSED, Alert, Case, Message
from pipelines.catalog import (
    DECISIONS_TABLE,
    DUPLICATES_TABLE,
    QUALITY_TABLE,
    QUARANTINE_TABLE,
    RECORDS_TABLE,
    TRANSACTIONS,
    TRANSACTIONS_TABLE,
    WATCH_TABLE,
)
from pipelines.desk.charts import MINUTES, Chart, Mark, chart, place
from pipelines.desk.office import Office
from pipelines.desk.pages import age
from pipelines.folders import Folder
from pipelines.schemas import ACTIONS

KEPT_SECONDS: Final = 5.0
MINUTE_MS: Final = 60_000
SLOW_MS: Final = 500
LATE_SECONDS: Final = 60
LEAST_PRECISION: Final = 0.1
OLD_MS: Final = 24 * 3_600_000
_TABLES: Final = (
    TRANSACTIONS_TABLE,
    DECISIONS_TABLE,
    DUPLICATES_TABLE,
    QUARANTINE_TABLE,
    RECORDS_TABLE,
    QUALITY_TABLE,
    WATCH_TABLE,
)
_turn = threading.Lock()
_kept: dict[Path, tuple[float, list[Chart]]] = {}


def charts(office: Office) -> list[Chart]:
    """The twelve, as they were at most KEPT_SECONDS ago: many may look at the same time."""
    with _turn:
        at, found = _kept.get(office.paths.run, (0.0, []))
        if time.monotonic() > at + KEPT_SECONDS:
            found = _charts(office)
            _kept[office.paths.run] = (time.monotonic(), found)
        return found


def _charts(office: Office) -> list[Chart]:
    now = int(time.time() // 60)
    with office.database.reading() as session:
        of_desk = [_precision(session, now), _queue(session, now), _work(session, now), _messages(session, now)]
    lake = office.paths.lake
    if not reading.are_there(lake, *_TABLES):
        return [
            Chart("In the lake?", "The lake has no tables yet: what it can tell appears here once it does.", None),
            *of_desk,
        ]
    view = _View(lake, now)
    hot = office.standing().get("hot", {})
    marks = view.marks()
    of_lake = [
        view.alive(hot),
        view.fast(),
        view.keeping_up(),
        view.lost(),
        view.doing(),
        view.refused(),
        view.quality(office.paths.run),
        view.drift(),
    ]
    return [each._replace(marks=marks) for each in (*of_lake, *of_desk)]


class _View:
    """The lake as it is now."""

    def __init__(self, lake: Folder, now: int) -> None:
        self._now, self._database = now, reading.opened(lake, *_TABLES)
        self._since = f"appended_at >= to_timestamp({(now - MINUTES) * 60})"

    def marks(self) -> list[Mark]:
        """When another model or policy began to decide."""
        found = self._database.execute(
            f"""select model_version, policy_version, min(epoch(appended_at)) / 60 as since from decisions
                where {self._since} group by all order by since"""
        ).fetchall()
        return [Mark(place(since, self._now), f"model {model}, policy {policy}") for model, policy, since in found[1:]]

    def alive(self, hot: Mapping[str, Any]) -> Chart:
        """Whether payments are decided."""
        decided = self._by_minute("count(*)", "decisions")
        runs = status.runs(hot, time.time()) and hot.get("state") == "open"
        last = decided.get(self._now - 1, 0.0)
        words = f"{last:,.0f} decisions in the last minute" if runs else "the stream does not run"
        return chart("Alive?", words, runs, {"decisions a minute": decided}, self._now)

    def fast(self) -> Chart:
        """How long payments wait for their decision."""
        waited = "epoch_ms(appended_at) - sent_at_ms"
        p50, p99 = (
            self._by_minute(f"quantile_cont({waited}, {share})", "decisions", "sent_at_ms is not null")
            for share in (0.5, 0.99)
        )
        if not p50:
            return chart("Fast?", "no send times in the last hour", None, {}, self._now)
        last = max(p50)
        words = f"half within {p50[last]:,.0f} ms, 99 of 100 within {p99[last]:,.0f} ms"
        return chart("Fast?", words, p99[last] < SLOW_MS, {"p50": p50, "p99": p99}, self._now, "ms")

    def keeping_up(self) -> Chart:
        """How far the lake is behind."""
        landed = self._by_minute("count(*)", "records")
        (last,) = self._database.execute("select max(epoch(appended_at)) from records").fetchone() or (None,)
        if last is None:
            return chart("Keeping up?", "nothing has landed yet", None, {}, self._now)
        behind = time.time() - last
        words = f"the latest record in the lake is {age(int(1_000 * behind))} old"
        return chart("Keeping up?", words, behind < LATE_SECONDS, {"records landed a minute": landed}, self._now)

    def lost(self) -> Chart:
        """Conservation: every payment record ends as a decision, a refusal or a duplicate."""
        reached = "appended_at <= (select max(appended_at) from records)"  # which a batch of landing writes last
        payments, decided, duplicates = (
            self._count(table, reached) for table in ("transactions", "decisions", "duplicates")
        )
        bad = self._count("quarantine", f"topic = '{TRANSACTIONS.name}' and {reached}")
        open_ = payments - decided - duplicates
        ends = f"{decided:,} decided, {bad:,} refused, {duplicates:,} duplicates, {open_:,} open"
        words = f"{payments + bad:,} payment records: {ends}"
        both = {
            "payments": self._by_minute("count(*)", "transactions"),
            "decisions": self._by_minute("count(*)", "decisions"),
        }
        return chart("Anything lost?", words, abs(open_) <= self._latest(reached), both, self._now)

    def doing(self) -> Chart:
        """What is decided."""
        found = {
            action: self._by_minute("count(*)", "decisions", f"action = '{action}'")
            for action in ACTIONS
            if action != "approve"
        }
        total = self._count("decisions", self._since)
        alerts = sum(sum(points.values()) for points in found.values())
        words = (
            f"{alerts / total:.1%} of {total:,} payments were not approved"
            if total
            else "no decisions in the last hour"
        )
        return chart("What is decided?", words, None if not total else alerts < 0.2 * total, found, self._now)

    def refused(self) -> Chart:
        """What is not admitted."""
        found = self._database.execute(
            f"select reason, count(*) as n from quarantine where {self._since} group by all order by n desc limit 3"
        ).fetchall()
        lines = {reason: self._by_minute("count(*)", "quarantine", f"reason = '{reason}'") for reason, _ in found}
        refused, all_ = sum(n for _, n in found), self._count("records", self._since)
        words = f"{refused:,} of {all_:,} records refused" + (f", most for {found[0][0]}" if found else "")
        return chart("Readable?", words, refused <= 0.05 * max(1, all_), lines, self._now)

    def quality(self, run: Path) -> Chart:
        """What the checks of landed rows say."""
        failed = self._by_minute("count(*) filter (where not passed)", "quality", at="checked_at")
        said = status.look(run / "quality.json")
        words = said.get("message", "no suite was looked at yet")
        return chart("Quality?", words, not said["failed"] if said else None, {"failed checks": failed}, self._now)

    def drift(self) -> Chart:
        """What the watch over model and data found."""
        alarms = self._by_minute("count(*) filter (where state = 'alarm')", "watch", at="looked_at")
        found = self._database.execute(
            """select words from watch where state = 'alarm' and looked_at = (select max(looked_at) from watch) limit 1"""
        ).fetchone()
        looked = self._count("watch")
        words = found[0] if found else "nothing raised at the last look" if looked else "the watch has not looked yet"
        return chart("Drift?", words, None if not looked else found is None, {"alarms": alarms}, self._now)

    def _by_minute(self, what: str, table: str, where: str = "true", at: str = "appended_at") -> dict[int, float]:
        since = f"{at} >= to_timestamp({(self._now - MINUTES) * 60})"
        found = self._database.execute(
            f"select floor(epoch({at}) / 60)::bigint, {what} from {table} where {since} and {where} group by 1"
        ).fetchall()
        return {int(minute): float(value) for minute, value in found if value is not None}

    def _count(self, table: str, where: str = "true") -> int:
        (found,) = self._database.execute(f"select count(*) from {table} where {where}").fetchone() or (0,)
        return int(found)

    def _latest(self, reached: str) -> int:
        """Payments of the last LATE_SECONDS of what has landed: their decisions may have been appended behind it."""
        since = f"(select max(appended_at) from records) - interval {LATE_SECONDS} second"
        return self._count("transactions", f"{reached} and appended_at > {since}")


def _precision(session: Session, now: int) -> Chart:
    """How many alerts were right, of those with a verdict, with a 95% interval (Wilson)."""
    known = _by_minute(session, Alert.verdict_ms, Alert.verdict.is_not(None))
    right = _by_minute(session, Alert.verdict_ms, Alert.verdict == "fraud")
    judged, frauds = int(sum(known.values())), int(sum(right.values()))
    if not judged:
        return chart("Are alerts right?", "no alert has a verdict yet", None, {}, now)
    low, high = binomtest(frauds, judged).proportion_ci(method="wilson")
    words = f"{frauds / judged:.0%} of {judged:,} with a verdict were fraud (95% interval {low:.0%} to {high:.0%})"
    share = {minute: right.get(minute, 0.0) / known[minute] for minute in known}
    return chart("Are alerts right?", words, high > LEAST_PRECISION, {"share of fraud": share}, now)


def _queue(session: Session, now: int) -> Chart:
    """How long open cases have waited."""
    opened = _by_minute(session, Case.opened_ms, Case.state != CLOSED)
    oldest = session.scalar(select(func.min(Case.opened_ms)).where(Case.state != CLOSED))
    if oldest is None:
        return chart("Queue?", "no case waits", True, {}, now)
    old = clock.wall_ms() - oldest
    words = f"{sum(opened.values()):,.0f} cases wait, the oldest for {age(old)}"
    return chart("Queue?", words, old < OLD_MS, {"opened, still waiting": opened}, now)


def _work(session: Session, now: int) -> Chart:
    """Cases that come and go."""
    since = (now - MINUTES) * MINUTE_MS
    came, gone = (_by_minute(session, column, column >= since) for column in (Case.opened_ms, Case.closed_ms))
    words = f"{sum(came.values()):,.0f} cases opened and {sum(gone.values()):,.0f} closed in the last hour"
    return chart("Work?", words, None, {"opened": came, "closed": gone}, now)


def _messages(session: Session, now: int) -> Chart:
    """What is told to cardholders and the team."""
    states = messages.by_state(session)
    sent = _by_minute(session, Message.sent_ms, Message.sent_ms >= (now - MINUTES) * MINUTE_MS)
    words = (
        ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()) if count) or "nothing was written yet"
    )
    return chart("Messages?", words, not states[messages.FAILED], {"sent a minute": sent}, now)


def _by_minute(session: Session, column: InstrumentedAttribute[Any], where: ColumnElement[bool]) -> dict[int, float]:
    """Rows by the minute of a column."""
    minute = column // MINUTE_MS
    found = session.execute(select(minute, func.count()).where(where).group_by(minute)).all()
    return {int(row[0]): float(row[1]) for row in found}
