"""Payments as columns: what happened, to whom, where. Numbers only; `wire` turns them into records."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from pipelines.simulate.chance import Flags, Floats, Ints

CARD_PRESENT, ONLINE, ATM = 0, 1, 2
"""Positions in schemas.CHANNELS."""
CHIP, CONTACTLESS, MAGSTRIPE, MANUAL, STORED = 0, 1, 2, 3, 4
"""Positions in schemas.ENTRY_MODES."""
NOWHERE = -1
"""No device, no internet address."""

GENUINE = ("habit", "day_trip", "travel", "big_purchase", "shopping_day", "micro_payments", "subscription")
FRAUDULENT = (
    "stolen_card",
    "far_from_home",
    "card_testing",
    "compromised_merchant",
    "account_takeover",
    "low_and_slow",
)
ORIGINS = GENUINE + FRAUDULENT
"""Why a payment was made; `origin` is the position. From FRAUDULENT on it is fraud."""

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000


@dataclass(frozen=True, eq=False)
class Payments:
    """One entry a payment. `at_ms` counts from the bank's first midnight, `amount` is in minor units."""

    card: Ints
    merchant: Ints
    at_ms: Ints
    amount: Ints
    channel: Ints
    entry: Ints
    latitude: Floats
    longitude: Floats
    device: Ints
    address: Ints
    origin: Ints

    def __len__(self) -> int:
        return len(self.card)

    def take(self, which: Ints | Flags | slice) -> "Payments":
        """Some of them: positions, flags or a slice."""
        return Payments(**{field.name: getattr(self, field.name)[which] for field in fields(self)})

    def between(self, from_ms: int, until_ms: int) -> "Payments":
        """Those of a time span."""
        return self.take((self.at_ms >= from_ms) & (self.at_ms < until_ms))

    def in_order(self) -> "Payments":
        """By event time."""
        return self.take(np.argsort(self.at_ms, kind="stable"))

    @property
    def frauds(self) -> Ints:
        """Positions of the fraudulent ones."""
        return np.flatnonzero(self.origin >= len(GENUINE))


def together(parts: Sequence[Payments]) -> Payments:
    """All of them, one after the other."""
    return Payments(
        **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Payments)}
    )


def origin(name: str, count: int) -> Ints:
    """The origin column of payments that were all made for one reason."""
    return np.full(count, ORIGINS.index(name), np.int64)


def shortly(day: int, at_ms: Floats, most_days: int = 2) -> Ints:
    """Times since a midnight as times of the bank; what would come later than `most_days` comes that much earlier."""
    return day * DAY_MS + at_ms.astype(np.int64) % (most_days * DAY_MS)
