"""The queue as people see it: tabs with counts, filters, pages in the order of rank."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, select, tuple_, union
from sqlalchemy.orm import Session

from pipelines.casework.tables import CLAIMED, CLOSED, OPEN, STATES, WAITING, Alert, Case

MINE: Final = "mine"
TABS: Final = (MINE, OPEN, CLAIMED, WAITING, CLOSED)
MOST: Final = 50


class Wish(NamedTuple):
    """What somebody wants to see. `q`: a card, payment, merchant or device; `least`: expected loss in major units."""

    tab: str = OPEN
    q: str = ""
    action: str = ""
    least: float = 0.0
    escalated: bool = False


class Row(NamedTuple):
    """A case in the queue: with its worst alert that is not decided, or else its latest, and how many it has."""

    case: Case
    alert: Alert
    alerts: int


class Page(NamedTuple):
    """A page of the queue. `more`: where the next one begins, None at the end."""

    rows: list[Row]
    more: int | None


def counts(session: Session, name: str) -> dict[str, int]:
    """How many cases each tab has."""
    states = by_state(session)
    mine = session.scalar(select(func.count()).where(*_tab(MINE, name))) or 0
    return {MINE: mine, **{tab: states[tab] for tab in TABS[1:]}}


def by_state(session: Session) -> dict[str, int]:
    """How many cases stand in each state."""
    found = session.execute(select(Case.state, func.count()).group_by(Case.state)).tuples().all()
    return dict.fromkeys(STATES, 0) | dict(found)


def page(session: Session, name: str, wish: Wish, skip: int = 0) -> Page:
    """A page of cases for somebody."""
    found = session.scalars(_wanted(name, wish).offset(skip).limit(MOST + 1)).all()
    return Page(rows(session, found[:MOST]), skip + MOST if len(found) > MOST else None)


def following(session: Session, name: str, wish: Wish, case: Case) -> Case | None:
    """The case behind another one in the same list; the first one behind its end."""
    key = (Case.closed_ms, Case.id) if wish.tab == CLOSED else (Case.rank, Case.id)
    here = (case.closed_ms if wish.tab == CLOSED else case.rank, case.id)
    wanted = _wanted(name, wish).where(Case.id != case.id)
    behind = session.scalars(wanted.where(tuple_(*key) < here).limit(1)).first()
    return behind or session.scalars(wanted.limit(1)).first()


def rows(session: Session, cases: Sequence[Case]) -> list[Row]:
    """Cases with their alerts, in the same order."""
    by_case: dict[int, list[Alert]] = {}
    for alert in session.scalars(select(Alert).where(Alert.case_id.in_([each.id for each in cases]))):
        by_case.setdefault(int(alert.case_id or 0), []).append(alert)
    return [Row(case, max(by_case[case.id], key=_weight), len(by_case[case.id])) for case in cases]


def newest(session: Session, since_id: int, most: int) -> list[Row]:
    """Cases that were opened behind another one and wait for somebody, the newest first."""
    found = session.scalars(
        select(Case).where(Case.id > since_id, Case.state == OPEN).order_by(Case.id.desc()).limit(most)
    ).all()
    return rows(session, found)


def last_id(session: Session) -> int:
    """The newest case."""
    return session.scalar(select(func.max(Case.id))) or 0


def _wanted(name: str, wish: Wish) -> Select[Any]:
    order = (Case.closed_ms.desc(), Case.id.desc()) if wish.tab == CLOSED else (Case.rank.desc(), Case.id.desc())
    found = select(Case).where(*_tab(wish.tab, name)).order_by(*order)
    if wish.least > 0:
        found = found.where(Case.expected_loss >= wish.least)
    if wish.escalated:
        found = found.where(Case.escalated)
    if wish.action:
        found = found.where(Case.id.in_(select(Alert.case_id).where(Alert.action == wish.action)))
    if wish.q:
        columns = (Alert.transaction_id, Alert.merchant_id, Alert.device_id)
        of_alerts = [select(Alert.case_id).where(column == wish.q, Alert.case_id.is_not(None)) for column in columns]
        found = found.where(Case.id.in_(union(select(Case.id).where(Case.card_id == wish.q), *of_alerts)))
    return found


def _tab(tab: str, name: str) -> list[ColumnElement[bool]]:
    if tab == MINE:
        return [and_(Case.assignee == name, Case.state.in_((CLAIMED, WAITING)))]
    return [Case.state == tab]


def _weight(alert: Alert) -> tuple[bool, float, int]:
    return alert.verdict is None, alert.probability * alert.amount_minor, alert.event_ms
