"""What must hold for logged feature vectors, from what features are declared to be: a new feature is looked at by itself."""

from collections.abc import Mapping
from typing import Final

from pipelines.check.checks import NOT_BEFORE_TIME, PLACE, Check, between, mean, unique
from pipelines.features import book
from pipelines.schemas import SEQUENCES, names

BOUNDS: Final[Mapping[str, tuple[float | None, float | None]]] = {
    "major units": (0, None),
    "hours UTC": (0, 24),
    "0 or 1": (0, 1),
    "-1, 0 or 1": (-1, 1),
    "payments": (0, None),
    "merchants": (1, None),
    "cards": (1, None),
    "minutes": (0, None),
    "days": (0, None),
    "ratio": (0, None),
    "standard deviations": (None, None),
    "share": (0, 1),
    "km": (0, 20_016),
    "km/h": (0, None),
}
"""Unit of a feature -> least and most; half the way around the Earth is 20,015 km."""
_ODD_ONES: Final = frozenset({"share", "minutes", "days"})
"""Units of which a value may be out of bounds and still true: two verdicts about one payment, a payment older than the latest."""


def units() -> list[str]:
    """Units of features that have bounds, in order of the vector."""
    found = dict.fromkeys(feature.unit for feature in book.FEATURES)
    return [unit for unit in found if BOUNDS[unit] != (None, None)]


def _counted(conditions: list[str]) -> str:
    """SQL: how many conditions are true of a payment; null of a signal, which has no features."""
    each = " + ".join(f"coalesce(cast({condition} as int), 0)" for condition in conditions)
    return f"case when kind = 'transaction' then {each} end"


def _outside(feature: str, least: float | None, most: float | None) -> str:
    sides = ((f"{feature} < {least}", least), (f"{feature} > {most}", most))
    return f"({' or '.join(sql for sql, bound in sides if bound is not None)})"


def in_bounds(unit: str) -> Check:
    """Every feature of a unit within its bounds."""
    least, most = BOUNDS[unit]
    those = [feature.name for feature in book.FEATURES if feature.unit == unit]
    words = " and ".join(
        f"{sign} {bound:g}" for sign, bound in (("at least", least), ("at most", most)) if bound is not None
    )
    name = f"{unit.replace('-1', 'minus 1').replace('/', ' ').replace(', ', ' ').replace(' ', '_').lower()}_in_bounds"
    return between(
        name,
        _counted([_outside(feature, least, most) for feature in those]),
        None,
        0,
        "features out of bounds",
        f"Features in {unit} are {words} by their definition: the stream computes something else",
        nearly=unit in _ODD_ONES,
    )


_ALL: Final = [feature.name for feature in book.FEATURES]
LOGGED: Final = (
    between(
        "numbers_are_finite",
        _counted([f"not isfinite({name})" for name in _ALL]),
        None,
        0,
        "features not finite",
        "A sum has left the range of a double: the model reads nonsense and no rule fires",
    ),
    *map(in_bounds, units()),
    between(
        "amount_agrees",
        "case when kind = 'transaction' then abs(amount * 100 - amount_minor) end",
        None,
        0.5,
        "minor units",
        "The feature is not the amount that was paid: minor and major units are mixed up",
    ),
    mean(
        "features_are_known",
        f"{_counted([f'{name} is null' for name in _ALL])} / {len(_ALL)}.0",
        None,
        0.5,
        "share of features",
        "More than half of what the model reads is unknown: a field is no longer sent, or the state is empty",
    ),
    between(
        "sequence_begins_at_one",
        f"least({', '.join(names(SEQUENCES))})",
        1,
        None,
        "events",
        "The stream counts each event of an entity, the present one included",
    ),
    NOT_BEFORE_TIME,
    unique("landed_once", PLACE, "A record has landed twice: payments weigh double in training"),
)
