"""What a model learned from, as distributions: kept with its files, held against what comes later. Written by training."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines import spread
from pipelines.spread import Numbers, Spread

FILE: Final = "reference.json"


class Population(NamedTuple):
    """Payments, all of a time, whatever became of them: one entry each.

    Attributes:
        times: epoch milliseconds.
        cards: whose.
        features: feature -> values, nan where unknown.
    """

    times: NDArray[np.int64]
    cards: NDArray[Any]
    features: Mapping[str, Numbers]


class Reference(NamedTuple):
    """Distributions of the training days (features) and of the days on which the model was judged (calibrated probability)."""

    since: int
    until: int
    features: dict[str, Spread]
    probability: Spread


def of(population: Population, probabilities: Numbers, times: NDArray[np.int64], cards: NDArray[Any]) -> Reference:
    """The reference of a model.

    Args:
        population: what it learned from.
        probabilities: what it says about payments that it did not see, calibrated.
        times: when each of these was.
        cards: whose each of them was.
    """
    late = population.times >= np.median(population.times)
    spreads = {name: spread.of_past(values, late, population.cards) for name, values in population.features.items()}
    return Reference(
        int(population.times.min()),
        int(population.times.max()) + 1,
        spreads,
        spread.of_past(probabilities, times >= np.median(times), cards, spread.TAIL),
    )


def to_json(reference: Reference) -> dict[str, Any]:
    """For the model's folder."""
    return reference._asdict() | {
        "features": {name: one._asdict() for name, one in reference.features.items()},
        "probability": reference.probability._asdict(),
    }


def read(model: Path) -> Reference | None:
    """The reference in a model's folder; None for a model that was trained before references were kept."""
    if not (model / FILE).exists():
        return None
    kept = json.loads((model / FILE).read_text())
    features = {name: spread.from_json(one) for name, one in kept["features"].items()}
    return Reference(kept["since"], kept["until"], features, spread.from_json(kept["probability"]))
