"""Lists of cards, merchants and devices: put on by a signal, in force when it is heard."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from pipelines import cards, signals
from pipelines.casework import audit, clock, telling
from pipelines.casework.tables import Listing
from pipelines.errors import UsageError

ENTITIES: Final = {"card": "card_id", "merchant": "merchant_id", "device": "device_id"}
LISTED: Final = ("allow", "deny", "clear")
SOURCE: Final = "analyst"
_LONGEST: Final = 64


def put(
    session: Session, actor: str, entity: str, value: str, listed: str, hours: float | None, why: str, now_ms: int
) -> None:
    """Allow or deny a card, merchant or device for some hours or for ever, or take it off again (clear). Told at once.

    Raises:
        UsageError: there is no such list, nothing to put on it, or no reason given.
    """
    value, why = cards.without(value), cards.without(why)
    if entity not in ENTITIES or listed not in LISTED:
        raise UsageError(f"lists are of {', '.join(ENTITIES)}, and say {', '.join(LISTED)}")
    if not 0 < len(value) <= _LONGEST or not why:
        raise UsageError(f"say which {entity}, in at most {_LONGEST} characters, and why")
    known_ms = clock.payments_ms(session)
    until_ms = None if hours is None or listed == "clear" else int(known_ms + hours * 3_600_000)
    record = signals.listing(ENTITIES[entity], value, listed, SOURCE, known_ms, until_ms)
    telling.write(session, record, now_ms)
    audit.write(session, now_ms, actor, f"list.{listed}", value, entity=entity, hours=hours, why=why)


def hear(session: Session, signal: Mapping[str, Any], now_ms: int) -> None:
    """Take in a listing (schemas.SIGNAL) from whoever."""
    until = signal.get("until")
    until_ms = int(datetime.fromisoformat(until).timestamp() * 1_000) if until else None
    for entity in ENTITIES.values():
        if signal.get(entity):
            session.merge(
                Listing(
                    entity=entity,
                    value=signal[entity],
                    listed=signal.get("listing", "clear"),
                    until_ms=until_ms,
                    source=signal.get("source", ""),
                    heard_ms=now_ms,
                )
            )


def in_force(session: Session, most: int) -> Sequence[Listing]:
    """What is listed now, the latest first."""
    now_ms = clock.payments_ms(session)
    return session.scalars(
        select(Listing)
        .where(Listing.listed != "clear", or_(Listing.until_ms.is_(None), Listing.until_ms > now_ms))
        .order_by(Listing.heard_ms.desc())
        .limit(most)
    ).all()
