"""Verdicts and listings on their way to Kafka: written in the transaction of what they are about, sent once."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from pipelines.casework.outbox import DUE, SENT
from pipelines.casework.tables import Signal


def write(session: Session, record: Mapping[str, Any], due_ms: int, case_id: int | None = None) -> None:
    """Let a signal (schemas.SIGNAL) be told once `due_ms` has come. One that was told is not told again."""
    if session.get(Signal, record["signal_id"]) is None:
        session.add(
            Signal(id=record["signal_id"], case_id=case_id, record=dict(record), state=DUE, due_ms=due_ms, sent_ms=None)
        )


def sent(session: Session, ids: Sequence[str], now_ms: int) -> None:
    """The broker has them."""
    session.execute(update(Signal).where(Signal.id.in_(ids)).values(state=SENT, sent_ms=now_ms))


def waiting(session: Session) -> int:
    """How many are not told yet."""
    return session.scalar(select(func.count()).where(Signal.state != SENT)) or 0
