"""What is told to whom: written in the transaction of what it is about, sent later by the outbox."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from pipelines.casework import outbox
from pipelines.casework.outbox import DUE, SENDING, SENT
from pipelines.casework.tables import Alert, Message

CARDHOLDER: Final = "cardholder"
TEAM: Final = "team"
LINK: Final = "{link}"
"""Where the sender puts the link by which a cardholder answers; it is stored nowhere."""
FAILED: Final = "failed"
LATE: Final = "late"
STATES: Final = (DUE, SENDING, SENT, FAILED, LATE)
LATE_MS: Final = 3_600_000
"""Nobody is told about a decision that is older when the desk hears of it: a question about yesterday's payment only worries."""
BACK_OFF_SECONDS: Final = (1, 5, 30, 120, 600, 3_600)
"""Between attempts; after the last one a message has failed."""


def write(session: Session, alert: Alert, now_ms: int) -> None:
    """Write the message that belongs to an alert: each decision leads to one."""
    money = f"{alert.amount_minor / 100:,.2f} {alert.currency}"
    audience, title, body = {
        "challenge": (
            CARDHOLDER,
            f"Was this you? {money}",
            f"A payment of {money} with your card is waiting for your answer: {LINK}",
        ),
        "hold": (
            TEAM,
            f"Held: {money}, {alert.probability:.0%} fraud",
            f"Payment {alert.transaction_id} of {money} is held. {'; '.join(alert.decision['reasons'])}",
        ),
        "decline": (
            CARDHOLDER,
            f"We declined a payment of {money}",
            f"We declined a payment of {money} with your card. If it was you, or to tell us that it was not: {LINK}",
        ),
    }[alert.action]
    session.add(
        Message(
            id=f"{alert.action}:{alert.transaction_id}",
            transaction_id=alert.transaction_id,
            audience=audience,
            title=title,
            body=body,
            state=LATE if now_ms - alert.decided_ms > LATE_MS else DUE,
            written_ms=now_ms,
            due_ms=now_ms,
        )
    )


def claim(session: Session, now_ms: int, most: int) -> Sequence[Message]:
    """Messages that are due, marked as being sent, each with one attempt more."""
    due = outbox.claim(session, Message, now_ms, most)
    for each in due:
        each.attempts += 1
    return due


def by_state(session: Session) -> dict[str, int]:
    """How many messages stand in each state."""
    found = session.execute(select(Message.state, func.count()).group_by(Message.state)).tuples().all()
    return dict.fromkeys(STATES, 0) | dict(found)


def sent(session: Session, message_id: str, now_ms: int) -> None:
    """It has been sent."""
    session.execute(update(Message).where(Message.id == message_id).values(state=SENT, sent_ms=now_ms, trouble=None))


def not_sent(session: Session, message_id: str, now_ms: int, trouble: str) -> None:
    """It has not been sent: again later, or no more."""
    message = session.get_one(Message, message_id)
    message.trouble = trouble
    if message.attempts > len(BACK_OFF_SECONDS):
        message.state = FAILED
    else:
        message.state, message.due_ms = DUE, now_ms + 1_000 * BACK_OFF_SECONDS[message.attempts - 1]
