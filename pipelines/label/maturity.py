"""How long it takes until frauds are known, and from what age on payments may be learned from.

Frauds that are not known yet are not in the data: a plain share of those that are would flatter every young day. The estimate
by reverse hazards needs only the known ones (Lagakos, Barraj and De Gruttola, Nonparametric analysis of truncated survival data,
with application to AIDS, Biometrika 1988). No Spark here.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipelines.features.spec import DAY

FEWEST: Final = 30
"""Known frauds below which a curve would follow chance."""


def curve(attempted: NDArray[np.int64], known: NDArray[np.int64], now: int, longest_days: int = 120) -> list[float]:
    """Share of frauds that are known n days after the payment, for n = 0, 1, ... until it stays at 1.

    Of those that become known within `longest_days`, or within the age of the oldest payment if that is less.

    Args:
        attempted: when each known fraud was attempted, epoch milliseconds.
        known: when it became known.
        now: nothing later has been heard.
        longest_days: older payments say nothing more.
    """
    delays = np.maximum(np.ceil((known - attempted) / DAY), 0).astype(int)
    ages = np.floor((now - attempted) / DAY).astype(int)
    last = int(min(max(ages, default=0), longest_days))
    shares = [1.0]
    for day in range(last, 0, -1):
        seen = (ages >= day) & (delays <= day)
        arrived = seen & (delays == day)
        shares.append(shares[-1] * (1 - arrived.sum() / seen.sum()) if seen.any() else shares[-1])
    rising = shares[::-1]
    return rising[: rising.index(1.0) + 1]


def mature_days(shares: list[float], enough: float) -> int:
    """The age in days from which on at least a share of the frauds is known."""
    return next(day for day, share in enumerate(shares) if share >= enough)
