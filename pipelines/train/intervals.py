"""How far figures may be off: bootstrap by card, since the payments of a card rise and fall together.

Davison and Hinkley, Bootstrap Methods and their Application (1997), section 3.8: whole clusters are drawn with replacement.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipelines.train.metrics import Numbers

SEED: Final = 1
"""The same draws for every model: differences between two of them are paired."""
LEVEL: Final = 0.95
DRAWS: Final = 200
"""How often cards are drawn unless somebody asks for more or fewer."""


def draws(cards: NDArray[Any], count: int) -> Iterator[Numbers]:
    """`count` times: how often each payment's card was drawn (whole numbers, many of them 0)."""
    names, whose = np.unique(cards, return_inverse=True)
    chance = np.random.default_rng(SEED)
    for _ in range(count):
        drawn = np.bincount(chance.integers(0, len(names), len(names)), minlength=len(names))
        yield drawn[whose].astype(float)


def intervals(drawn: Iterable[Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    """Name -> (low, high) of figures that were computed on each draw; those that were never known are left out."""
    rows = list(drawn)
    columns = {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    return {
        name: (float(low), float(high))
        for name, values in columns.items()
        if not np.isnan(values).all()
        for low, high in [np.nanquantile(values, tails)]
    }
