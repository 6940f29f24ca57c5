"""The records of topic `signals`, made: a verdict about a decided payment, a listing of a card, merchant or device."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

ECHOED: Final = ("transaction_id", "card_id", "merchant_id", "device_id", "amount_minor", "amount_ratio")
"""What a verdict repeats of the decision, so that the state needs no look-up."""
FRAUD: Final = "fraud"
GENUINE: Final = "genuine"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def verdict(decision: Mapping[str, Any], said: str, source: str, known_ms: int) -> dict[str, Any]:
    """A verdict (schemas.SIGNAL) about a decided payment.

    Args:
        decision: fields of schemas.DECISION; those that a verdict repeats and `event_ms` are read.
        said: what it was: fraud or genuine.
        source: whose word it is.
        known_ms: when it becomes known, epoch milliseconds of the payments' clock.
    """
    return {
        "signal_id": _named("verdict", source, decision["transaction_id"], said, known_ms),
        "kind": "verdict",
        "event_time": iso(known_ms),
        "source": source,
        "verdict": said,
        "transaction_time": iso(decision["event_ms"]),
        **{name: decision[name] for name in ECHOED if decision.get(name) is not None},
    }


def listing(entity: str, value: str, listed: str, source: str, known_ms: int, until_ms: int | None) -> dict[str, Any]:
    """A listing (schemas.SIGNAL).

    Args:
        entity: card_id, merchant_id or device_id.
        value: which one.
        listed: allow, deny or clear.
        source: whose word it is.
        known_ms: since when, epoch milliseconds of the payments' clock.
        until_ms: until when; None for ever.
    """
    return {
        "signal_id": _named("listing", source, entity, value, listed, known_ms),
        "kind": "listing",
        "event_time": iso(known_ms),
        "source": source,
        "listing": listed,
        entity: value,
        **({} if until_ms is None else {"until": iso(until_ms)}),
    }


def iso(ms: int) -> str:
    """Epoch milliseconds as the wire has them: `2026-03-01T12:00:00.000Z`."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _named(*parts: object) -> str:
    """The same word has the same id, however often it is written."""
    return "desk-" + hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]
