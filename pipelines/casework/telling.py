"""Verdicts and listings on their way to Kafka: written in the transaction of what they are about, sent once."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from pipelines.casework.tables import Signal

DUE: Final = "due"
SENDING: Final = "sending"
SENT: Final = "sent"


def write(session: Session, record: Mapping[str, Any], due_ms: int, case_id: int | None = None) -> None:
    """Let a signal (schemas.SIGNAL) be told once `due_ms` has come. One that was told is not told again."""
    if session.get(Signal, record["signal_id"]) is None:
        session.add(
            Signal(id=record["signal_id"], case_id=case_id, record=dict(record), state=DUE, due_ms=due_ms, sent_ms=None)
        )


def is_due(session: Session, now_ms: int) -> bool:
    """Whether there is something to tell."""
    return session.scalar(select(Signal.id).where(Signal.state == DUE, Signal.due_ms <= now_ms).limit(1)) is not None


def claim(session: Session, now_ms: int, most: int) -> Sequence[Signal]:
    """Signals that are due, marked as being sent: from now on they cannot be taken back."""
    due = session.scalars(
        select(Signal).where(Signal.state == DUE, Signal.due_ms <= now_ms).order_by(Signal.due_ms).limit(most)
    ).all()
    for each in due:
        each.state = SENDING
    return due


def in_doubt(session: Session) -> Sequence[Signal]:
    """Signals that were being sent when the sender ended: they may be on the topic or not."""
    return session.scalars(select(Signal).where(Signal.state == SENDING)).all()


def sent(session: Session, ids: Sequence[str], now_ms: int) -> None:
    """The broker has them."""
    session.execute(update(Signal).where(Signal.id.in_(ids)).values(state=SENT, sent_ms=now_ms))


def waiting(session: Session) -> int:
    """How many are not told yet."""
    return session.scalar(select(func.count()).where(Signal.state != SENT)) or 0
