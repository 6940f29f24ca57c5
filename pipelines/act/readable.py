"""Whether a record is what its topic promises, as far as the desk keeps it: what is not never reaches the database."""

from datetime import datetime
from typing import Any, Final

from pipelines.casework.lists import LISTED
from pipelines.schemas import ACTIONS
from pipelines.signals import FRAUD, GENUINE

LONGEST: Final = 64
_TEXTS: Final = ("transaction_id", "card_id", "merchant_id", "currency", "model_version", "policy_version")
_NUMBERS: Final = ("amount_minor", "event_ms", "decided_at_ms")
_LISTS: Final = ("rules", "reasons")
_LARGEST: Final = 2**63 - 1


def decision(record: Any) -> bool:
    """Whether that is a decision (schemas.DECISION)."""
    return (
        isinstance(record, dict)
        and record.get("action") in ACTIONS
        and all(_is_text(record.get(name)) for name in _TEXTS)
        and all(record.get(name) is None or _is_text(record[name]) for name in ("device_id", "channel"))
        and all(_is_number(record.get(name)) for name in _NUMBERS)
        and isinstance(record.get("probability"), int | float)
        and all(_is_list(record.get(name)) for name in _LISTS)
    )


def signal(record: Any) -> bool:
    """Whether that is a verdict or a listing (schemas.SIGNAL)."""
    if not isinstance(record, dict) or not _is_text(record.get("source")):
        return False
    if record.get("kind") == "verdict":
        return _is_text(record.get("transaction_id")) and record.get("verdict") in (FRAUD, GENUINE)
    entities = [record.get(name) for name in ("card_id", "merchant_id", "device_id")]
    return (
        record.get("kind") == "listing"
        and record.get("listing") in LISTED
        and all(each is None or _is_text(each) for each in entities)
        and _is_time(record.get("until"))
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST and "\0" not in value


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_time(value: Any) -> bool:
    try:
        return value is None or bool(datetime.fromisoformat(value))
    except (ValueError, TypeError):
        return False
