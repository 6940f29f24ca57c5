"""How values are spread over bins, and how far two spreads are apart: what a model was trained on against what comes later.

Population stability index and Jensen-Shannon divergence over the same bins. PSI of two samples of one population is about
chi-square times (1/n + 1/m) (Yurdakul and Naranjo, Statistical properties of the population stability index, Journal of Risk
Model Validation 2020): `chance` says how much of it is nothing.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

Numbers = NDArray[np.float64]
TENTHS: Final = tuple(tenth / 10 for tenth in range(1, 10))
TAIL: Final = (*TENTHS, 0.95, 0.99)
"""For scores: what matters is rare."""
SURELY: Final = 0.999
"""Chance reaches less than `chance` says so often."""
_AT_LEAST: Final = 0.5
"""Added to every bin (Krichevsky and Trofimov): an empty one makes neither measure infinite."""


class Spread(NamedTuple):
    """A distribution.

    Attributes:
        edges: upper bounds of all bins but the last, inclusive.
        counts: values in each bin, and behind them how many are unknown.
        independent: of how many independent values there is as much to learn: values of a card are alike.
        own_psi, own_js: how far the second half of the time is from the first.
    """

    edges: tuple[float, ...]
    counts: tuple[float, ...]
    independent: int
    own_psi: float = 0.0
    own_js: float = 0.0

    @property
    def unknown(self) -> float:
        """Share of unknown values."""
        return self.counts[-1] / max(sum(self.counts), 1)


def of_past(
    values: Numbers, late: NDArray[np.bool_], cards: NDArray[Any], quantiles: Sequence[float] = TENTHS
) -> Spread:
    """The spread of values (nan is unknown) over bins between quantiles, and how far its late part is from its early one."""
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, quantiles)) if len(known) else np.array([])
    early, later = (_counts(values[chosen], edges) for chosen in (~late, late))
    return Spread(
        tuple(edges.tolist()),
        tuple(_counts(values, edges).tolist()),
        _independent(values, edges, cards),
        psi(early, later),
        jensen_shannon(early, later),
    )


def like(past: Spread, values: Numbers, cards: NDArray[Any]) -> Spread:
    """The spread of other values over the same bins."""
    edges = np.array(past.edges)
    return Spread(past.edges, tuple(_counts(values, edges).tolist()), _independent(values, edges, cards))


def from_json(kept: dict[str, Any]) -> Spread:
    """As `_asdict` wrote it."""
    return Spread(**kept | {"edges": tuple(kept["edges"]), "counts": tuple(kept["counts"])})


def psi(one: Any, other: Any) -> float:
    """Population stability index of two lists of counts."""
    p, q = _shares(one), _shares(other)
    return float(((p - q) * np.log(p / q)).sum())


def jensen_shannon(one: Any, other: Any) -> float:
    """Jensen-Shannon divergence of two lists of counts in bits, 0 to 1 (its root is a distance)."""
    p, q = _shares(one), _shares(other)
    middle = (p + q) / 2
    return float((p * np.log2(p / middle) + q * np.log2(q / middle)).sum() / 2)


def chance(past: Spread, present: Spread) -> float:
    """What the PSI of two such samples of one population hardly ever exceeds."""
    bins = sum(a + b > 0 for a, b in zip(past.counts, present.counts, strict=True))
    weight = 1 / max(past.independent, 1) + 1 / max(present.independent, 1)
    return float(chi2.ppf(SURELY, max(bins - 1, 1)) * weight)


def _bins(values: Numbers, edges: Numbers) -> NDArray[np.int64]:
    """Number of each value's bin; unknown values are in the last."""
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="left"))


def _counts(values: Numbers, edges: Numbers) -> Numbers:
    return np.bincount(_bins(values, edges), minlength=len(edges) + 2).astype(float)


def _independent(values: Numbers, edges: Numbers, cards: NDArray[Any]) -> int:
    """Values over their design effect, 1 + (m - 1) r: m of a card, with a correlation r (Kish, Survey Sampling, 1965)."""
    bins = _bins(values, edges).astype(float)
    _, numbers, sizes = np.unique(cards, return_inverse=True, return_counts=True)
    groups, count = len(sizes), len(bins)
    if groups < 2 or count <= groups:
        return groups
    means = np.bincount(numbers, bins) / sizes
    between = float((sizes * (means - bins.mean()) ** 2).sum()) / (groups - 1)
    within = float(((bins - means[numbers]) ** 2).sum()) / (count - groups)
    usual = (count - float((sizes**2).sum()) / count) / (groups - 1)
    spread = between + (usual - 1) * within
    alike = min(max((between - within) / spread, 0.0), 1.0) if spread > 0 else 0.0
    return round(count / (1 + (count / groups - 1) * alike))


def _shares(counts: Any) -> Numbers:
    found = np.asarray(counts, dtype=float) + _AT_LEAST
    return np.asarray(found / found.sum())
