"""What becomes known of a payment, and when: signals with a verdict, and the delay of chargebacks."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from pipelines.simulate.chance import personal
from pipelines.simulate.payments import DAY_MS
from pipelines.simulate.wire import iso

UNREPORTED: Final = 0.02
"""Share of frauds that nobody ever reports."""
ECHOED: Final = ("transaction_id", "card_id", "merchant_id", "device_id", "amount_minor", "amount_ratio")


class Delays(NamedTuple):
    """How long it takes until a fraud is charged back: normal around `label_days`, never later than twice that."""

    label_days: float = 7.0
    spread_days: float = 2.0


def reported_ms(seed: int, transaction_id: str, delays: Delays) -> int | None:
    """Milliseconds from a fraud to its chargeback; None if it is never reported. The same at every call."""
    luck = personal(seed, "report", transaction_id)
    if luck.random() < UNREPORTED:
        return None
    days = luck.gauss(delays.label_days, delays.spread_days)
    return int(min(max(days, delays.label_days / 7), 2 * delays.label_days) * DAY_MS)


def verdict(decision: Mapping[str, Any], fraud: bool, source: str, known_ms: int) -> dict[str, Any]:
    """A signal of schemas.SIGNAL about a decided payment.

    Args:
        decision: fields of schemas.DECISION; those that a verdict repeats and `event_ms` are read.
        fraud: what it is said to have been, true or not.
        source: chargeback, analyst or cardholder; one source speaks once about a payment.
        known_ms: when it becomes known, epoch milliseconds.
    """
    known, attempted = iso(np.array([known_ms, decision["event_ms"]]))
    return {
        "signal_id": f"{source}-{decision['transaction_id']}",
        "kind": "verdict",
        "event_time": known,
        "source": source,
        "verdict": "fraud" if fraud else "genuine",
        "transaction_time": attempted,
        **{name: decision[name] for name in ECHOED if decision.get(name) is not None},
    }
