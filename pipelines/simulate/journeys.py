"""Where cardholders are: mostly at home, sometimes in another city for a day, sometimes abroad for days."""

import numpy as np

from pipelines.simulate.chance import Ints, daily, some
from pipelines.simulate.payments import GENUINE
from pipelines.simulate.places import AT_HOME, AWAY, HOME, share
from pipelines.simulate.population import Population

_TRAVEL_STARTS = 0.004
"""Share of cards that set out on a journey on a day."""
_LONGEST_JOURNEY = 14
_DAY_TRIPS = 0.03


def whereabouts(population: Population, day: int) -> tuple[Ints, Ints]:
    """City of each card on a day, and why it is there (position in GENUINE: habit, day_trip or travel)."""
    city, why = population.cards.city.copy(), np.zeros(len(population.cards), np.int64)
    trips = daily(population.seed, "day trips", day)
    chosen = some(trips, len(population.cards), _DAY_TRIPS)
    city[chosen], why[chosen] = trips.choice(len(HOME), len(chosen), p=share(AT_HOME)), GENUINE.index("day_trip")
    for start in range(day - _LONGEST_JOURNEY, day + 1):
        chance = daily(population.seed, "journeys", start)
        chosen = some(chance, len(population.cards), _TRAVEL_STARTS)
        target = len(HOME) + chance.choice(AWAY.stop - AWAY.start, len(chosen), p=share(AWAY))
        still = start + chance.integers(2, _LONGEST_JOURNEY + 1, len(chosen)) > day
        city[chosen[still]], why[chosen[still]] = target[still], GENUINE.index("travel")
    return city, why
