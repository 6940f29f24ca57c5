"""What the desk takes for a decision or a signal, and what it passes over."""

from typing import Any

import pytest

from pipelines import signals
from pipelines.act import readable
from tests.desk.conftest import decision

VERDICT = signals.verdict(decision(1), "fraud", "analyst", 5)
LISTING = signals.listing("card_id", "c1", "deny", "analyst", 5, 9)


@pytest.mark.parametrize("action", ["approve", "challenge", "hold", "decline"])
def test_decisions_as_they_are_made(action: str) -> None:
    assert readable.decision(decision(1, action))
    assert readable.decision(decision(1, action, device_id=None, channel=None))


def test_signals_as_they_are_made() -> None:
    assert readable.signal(VERDICT) and readable.signal(LISTING)
    assert readable.signal({name: value for name, value in LISTING.items() if name != "until"})


@pytest.mark.parametrize(
    "other",
    [
        {"action": "perhaps"},
        {"transaction_id": {"a": 1}},
        {"transaction_id": ""},
        {"transaction_id": "x" * 65},
        {"card_id": "a\0b"},
        {"device_id": 7},
        {"amount_minor": "5"},
        {"amount_minor": True},
        {"event_ms": 2**63},
        {"probability": None},
        {"reasons": "one"},
        {"rules": [1]},
    ],
)
def test_what_is_no_decision(other: dict[str, Any]) -> None:
    assert not readable.decision(decision(1) | other)


@pytest.mark.parametrize("record", [None, 1, [], "x", {}, {"kind": "listing"}, {"action": "hold"}])
def test_what_is_nothing_at_all(record: Any) -> None:
    assert not readable.decision(record) and not readable.signal(record)


@pytest.mark.parametrize(
    "record",
    [
        VERDICT | {"verdict": "perhaps"},
        VERDICT | {"transaction_id": None},
        VERDICT | {"source": 7},
        LISTING | {"until": "yesterday"},
        LISTING | {"until": 5},
        LISTING | {"card_id": ["c"]},
        LISTING | {"listing": "perhaps"},
    ],
)
def test_what_is_no_signal(record: dict[str, Any]) -> None:
    assert not readable.signal(record)
