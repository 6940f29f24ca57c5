"""What is on its way out, messages and signals alike: due, then marked as being sent, then sent."""

from collections.abc import Sequence
from typing import Final, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from pipelines.casework.tables import Message, Signal

DUE: Final = "due"
SENDING: Final = "sending"
SENT: Final = "sent"
Outgoing = TypeVar("Outgoing", Message, Signal)


def is_due(session: Session, kind: type[Outgoing], now_ms: int) -> bool:
    """Whether there is something to send."""
    return session.scalar(select(kind.id).where(kind.state == DUE, kind.due_ms <= now_ms).limit(1)) is not None


def claim(session: Session, kind: type[Outgoing], now_ms: int, most: int) -> Sequence[Outgoing]:
    """What is due, marked as being sent: it cannot be taken back, and after a crash it may have been sent or not."""
    due = session.scalars(
        select(kind).where(kind.state == DUE, kind.due_ms <= now_ms).order_by(kind.due_ms).limit(most)
    ).all()
    for each in due:
        each.state = SENDING
    return due


def in_doubt(session: Session, kind: type[Outgoing]) -> Sequence[Outgoing]:
    """What was being sent when the sender ended."""
    return session.scalars(select(kind).where(kind.state == SENDING)).all()
