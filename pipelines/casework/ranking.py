"""The order of the queue: what a case may cost, and how long it has waited."""

import math
from typing import Final

FOLD_MS: Final = 4 * 3_600_000
"""Waiting so much longer counts like e times (2.7 times) the loss."""


def rank(expected_loss: float, opened_ms: int) -> float:
    """Highest first. It stays as it is while a case waits: all age alike, so when two opened settles which comes first.

    Args:
        expected_loss: probability times amount of what is not decided yet, in major units.
        opened_ms: epoch milliseconds.
    """
    return math.log1p(expected_loss) - opened_ms / FOLD_MS
