"""Decisions other than approve, taken in: once each, into the case of their card."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.orm import Session

from pipelines import signals
from pipelines.casework import cases, clock, messages, telling
from pipelines.casework.messages import CARDHOLDER
from pipelines.casework.tables import WAITING, Alert, Answer, Case
from pipelines.errors import Conflict, UsageError

COPIED: Final = (
    "transaction_id",
    "card_id",
    "merchant_id",
    "device_id",
    "amount_minor",
    "currency",
    "channel",
    "event_ms",
    "action",
    "probability",
)
"""What an alert repeats of its decision, to be found by."""


def take(session: Session, decision: Mapping[str, Any], now_ms: int) -> Alert | None:
    """Take in a decision (schemas.DECISION) other than approve; None if its payment had one: a repeat changes nothing.

    It joins the card's open case. A hold without one opens it.
    """
    if session.get(Alert, decision["transaction_id"]) is not None:
        return None
    alert = Alert(
        **{name: decision.get(name) for name in COPIED},
        decided_ms=decision["decided_at_ms"],
        decision=dict(decision),
    )
    session.add(alert)
    case = cases.of_card(session, alert.card_id)
    if case is not None or alert.action == "hold":
        join(session, alert, case, now_ms)
    messages.write(session, alert, now_ms)
    return alert


def join(session: Session, alert: Alert, case: Case | None, now_ms: int) -> Case:
    """Put an alert into a case, or into a new one."""
    case = case or cases.open_case(session, alert, now_ms)
    alert.case_id = case.id
    session.flush()
    cases.weigh(session, case)
    words = f"{alert.action}: {alert.amount_minor / 100:,.2f} {alert.currency}, {alert.probability:.0%} fraud"
    cases.log(session, case, cases.SYSTEM, "alert", words, now_ms)
    return case


def hear(session: Session, signal: Mapping[str, Any], precedence: Sequence[str], now_ms: int) -> Alert | None:
    """Take in a verdict that somebody has told; the alert that it is about, None if there is none or a more trusted word stands.

    Args:
        session: writes.
        signal: schemas.SIGNAL.
        precedence: sources, the most trusted one first.
        now_ms: epoch milliseconds.
    """
    alert = session.get(Alert, signal.get("transaction_id") or "")
    source, said = signal.get("source", ""), signal.get("verdict")
    if alert is None or said is None or not _counts(source, alert.verdict_source, precedence):
        return None
    changed = (alert.verdict, alert.verdict_source) != (said, source)
    alert.verdict, alert.verdict_source, alert.verdict_ms = said, source, now_ms
    case = session.get(Case, alert.case_id) if alert.case_id else None
    if changed and case is not None:
        cases.log(session, case, source, "verdict", f"{alert.transaction_id} is {said}", now_ms)
        session.flush()
        cases.weigh(session, case)
        cases.settle(session, case, precedence[: precedence.index(cases.ANALYST) + 1], now_ms)
    return alert


def asked(session: Session, transaction_id: str) -> tuple[Alert, str | None]:
    """The alert that a cardholder is asked about, and what they have said already.

    Raises:
        UsageError: there is no such alert.
    """
    alert, given = session.get(Alert, transaction_id), session.get(Answer, transaction_id)
    if alert is None:
        raise UsageError("there is no question about this payment any more")
    return alert, given.verdict if given else None


def answer(session: Session, alert: Alert, said: str, now_ms: int) -> None:
    """What the cardholder says: a verdict, told at once. A fraud that no case is about becomes one.

    Raises:
        Conflict: it has been answered.
    """
    if session.get(Answer, alert.transaction_id):
        raise Conflict("this question has been answered: please call your bank if that was not you")
    session.add(Answer(transaction_id=alert.transaction_id, verdict=said, at_ms=now_ms))
    known_ms = max(clock.payments_ms(session), alert.event_ms)
    telling.write(session, signals.verdict(alert.decision, said, CARDHOLDER, known_ms), now_ms, alert.case_id)
    case = session.get(Case, alert.case_id) if alert.case_id else None
    if case is None and said == signals.FRAUD:
        case = join(session, alert, cases.of_card(session, alert.card_id), now_ms)
    if case is not None:
        cases.log(session, case, CARDHOLDER, "answer", f"says that {alert.transaction_id} is {said}", now_ms)
        if case.state == WAITING:
            case.state, case.wake_ms = cases.awake(case), None


def _counts(source: str, standing: str | None, precedence: Sequence[str]) -> bool:
    order = {name: place for place, name in enumerate(precedence)}
    return source in order and order[source] <= order.get(standing or "", len(order))
