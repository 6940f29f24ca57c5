"""What becomes known of a payment, and when: signals with a verdict, and the delay of chargebacks."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pipelines import signals
from pipelines.simulate.chance import personal
from pipelines.simulate.payments import DAY_MS

UNREPORTED: Final = 0.02
"""Share of frauds that nobody ever reports."""


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
    said = signals.FRAUD if fraud else signals.GENUINE
    once = {"signal_id": f"{source}-{decision['transaction_id']}"}
    return signals.verdict(decision, said, source, known_ms) | once
