"""What people do with a case. Every verb checks that the case still allows it, writes the case's history and the audit."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from pipelines import cards, signals
from pipelines.casework import audit, clock, telling
from pipelines.casework.outbox import DUE
from pipelines.casework.ranking import rank
from pipelines.casework.tables import CLAIMED, CLOSED, OPEN, WAITING, Alert, Case, Entry, Signal
from pipelines.errors import Conflict, UsageError
from pipelines.signals import FRAUD, GENUINE

ANALYST: Final = "analyst"
SYSTEM: Final = "system"
UNSURE: Final = "unsure"
OUTCOMES: Final = (FRAUD, GENUINE, UNSURE)
UNDO_MS: Final = 10_000
"""How long a verdict is kept back, so that it can be undone."""
MOST_WORDS: Final = 4_000


def of_card(session: Session, card_id: str) -> Case | None:
    """The card's case that is not closed."""
    return session.scalars(select(Case).where(Case.card_id == card_id, Case.state != CLOSED)).first()


def require(session: Session, case_id: int) -> Case:
    """A case.

    Raises:
        UsageError: there is none.
    """
    case = session.get(Case, case_id)
    if case is None:
        raise UsageError(f"there is no case {case_id}")
    return case


def open_case(session: Session, alert: Alert, now_ms: int) -> Case:
    """A new case for an alert's card."""
    case = Case(
        card_id=alert.card_id,
        state=OPEN,
        expected_loss=0.0,
        currency=alert.currency,
        rank=0.0,
        opened_ms=now_ms,
        changed_ms=now_ms,
    )
    session.add(case)
    session.flush()
    return case


def weigh(session: Session, case: Case) -> None:
    """Give a case its expected loss and rank: of the alerts that nobody has decided yet, in major units."""
    waiting = session.scalars(select(Alert).where(Alert.case_id == case.id, Alert.verdict.is_(None)))
    case.expected_loss = sum(alert.probability * alert.amount_minor / 100 for alert in waiting)
    case.rank = rank(case.expected_loss, case.opened_ms)


def log(session: Session, case: Case, actor: str, kind: str, words: str, now_ms: int) -> None:
    """Add a line to a case's history."""
    session.add(Entry(case_id=case.id, at_ms=now_ms, actor=actor, kind=kind, words=words))
    case.changed_ms = now_ms


def history(session: Session, case: Case) -> Sequence[Entry]:
    """A case's history, newest first."""
    return session.scalars(select(Entry).where(Entry.case_id == case.id).order_by(Entry.id.desc())).all()


def assign(session: Session, case_id: int, actor: str, assignee: str | None, now_ms: int) -> Case:
    """Give a case to somebody, or back to the team.

    Raises:
        Conflict: it is closed.
    """
    case = _not_closed(session, case_id)
    case.assignee = assignee
    case.state = WAITING if case.state == WAITING else awake(case)
    _done(session, case, actor, "assign", f"to {assignee}" if assignee else "back to the team", now_ms)
    return case


def note(session: Session, case_id: int, actor: str, words: str, now_ms: int) -> Case:
    """Write a note, also into a closed case.

    Raises:
        UsageError: it says nothing, or too much.
    """
    words = cards.without(words)
    if not 0 < len(words) <= MOST_WORDS:
        raise UsageError(f"a note has 1 to {MOST_WORDS} characters, this one has {len(words)}")
    case = require(session, case_id)
    _done(session, case, actor, "note", words, now_ms)
    return case


def escalate(session: Session, case_id: int, actor: str, now_ms: int) -> Case:
    """Hand a case to the manager.

    Raises:
        Conflict: it is closed.
    """
    case = _not_closed(session, case_id)
    case.escalated, case.assignee, case.wake_ms, case.state = True, None, None, OPEN
    _done(session, case, actor, "escalate", "to the manager", now_ms)
    return case


def snooze(session: Session, case_id: int, actor: str, until_ms: int, why: str, now_ms: int) -> Case:
    """Let a case wait, for a customer who travels. New alerts of the card join it meanwhile.

    Raises:
        Conflict: it is closed.
        UsageError: that time is past.
    """
    if until_ms <= now_ms:
        raise UsageError("a case can only wait until a time to come")
    case, why = _not_closed(session, case_id), cards.without(why)
    case.state, case.wake_ms = WAITING, until_ms
    words = f"until {signals.iso(until_ms)[:16].replace('T', ' ')} UTC{f': {why}' if why else ''}"
    _done(session, case, actor, "wait", words[:MOST_WORDS], now_ms)
    return case


def wake(session: Session, now_ms: int) -> int:
    """Bring cases back whose time has come; how many."""
    due = session.scalars(select(Case).where(Case.state == WAITING, Case.wake_ms <= now_ms)).all()
    for case in due:
        case.state, case.wake_ms = awake(case), None
        log(session, case, SYSTEM, "wake", "the time to wait is over", now_ms)
    return len(due)


def awake(case: Case) -> str:
    """The state of a case that waits no longer."""
    return CLAIMED if case.assignee else OPEN


def decide(session: Session, case_id: int, actor: str, outcome: str, now_ms: int) -> Case:
    """Close a case. Fraud and genuine become a verdict on each payment that no analyst has judged, told after UNDO_MS.

    Raises:
        Conflict: somebody has closed it.
        UsageError: there is no such outcome.
    """
    if outcome not in OUTCOMES:
        raise UsageError(f"a case ends as one of {', '.join(OUTCOMES)}, not as {outcome}")
    case = _not_closed(session, case_id)
    if outcome != UNSURE:
        known_ms = clock.payments_ms(session)
        for alert in case.alerts:
            if alert.verdict_source != ANALYST:
                record = signals.verdict(alert.decision, outcome, ANALYST, max(known_ms, alert.event_ms))
                telling.write(session, record, now_ms + UNDO_MS, case.id)
    case.state, case.outcome, case.closed_ms, case.wake_ms = CLOSED, outcome, now_ms, None
    case.assignee = actor
    _done(session, case, actor, "close", outcome, now_ms)
    return case


def settle(session: Session, case: Case, trusted: Sequence[str], now_ms: int) -> bool:
    """Close a case when every payment in it was judged elsewhere, by sources that are trusted no less than an analyst."""
    if case.state == CLOSED or not all(alert.verdict_source in trusted for alert in case.alerts):
        return False
    outcome = FRAUD if any(alert.verdict == FRAUD for alert in case.alerts) else GENUINE
    case.state, case.outcome, case.closed_ms, case.wake_ms = CLOSED, outcome, now_ms, None
    log(session, case, SYSTEM, "close", f"{outcome}: every payment in it was judged elsewhere", now_ms)
    return True


def undo(session: Session, case_id: int, actor: str, now_ms: int) -> Case:
    """Take back a verdict that has not been told yet.

    Raises:
        Conflict: it was told, the case is not closed, somebody else closed it, or the card has another open case by now.
    """
    case = require(session, case_id)
    if case.state != CLOSED or case.closed_ms is None:
        raise Conflict(f"case {case_id} is not closed: there is nothing to undo")
    if case.assignee != actor or now_ms > case.closed_ms + UNDO_MS:
        raise Conflict(f"case {case_id} can be reopened for {UNDO_MS // 1000} s, by who closed it")
    if of_card(session, case.card_id):
        raise Conflict(f"card {case.card_id} has a newer case: decide that one")
    waiting = (Signal.case_id == case.id, Signal.state == DUE)
    told = session.scalars(
        select(Signal.id).where(Signal.case_id == case.id, Signal.state != DUE, Signal.due_ms > case.closed_ms)
    ).first()
    if told:
        raise Conflict(f"case {case_id}: the verdict has been told already")
    session.execute(delete(Signal).where(*waiting))
    case.state, case.outcome, case.closed_ms = CLAIMED, None, None
    _done(session, case, actor, "undo", "takes the verdict back", now_ms)
    return case


def reassign_all(session: Session, name: str) -> None:
    """Give the cases of somebody who has left back to the team."""
    session.execute(update(Case).where(Case.assignee == name, Case.state == CLAIMED).values(assignee=None, state=OPEN))


def _not_closed(session: Session, case_id: int) -> Case:
    case = require(session, case_id)
    if case.state == CLOSED:
        raise Conflict(f"case {case_id} was closed as {case.outcome} by {case.assignee}")
    return case


def _done(session: Session, case: Case, actor: str, kind: str, words: str, now_ms: int) -> None:
    log(session, case, actor, kind, words, now_ms)
    audit.write(session, now_ms, actor, f"case.{kind}", str(case.id), words=words)
