"""Cities: where cardholders live and shop, and where they travel."""

from typing import Final, NamedTuple

import numpy as np

from pipelines.simulate.chance import Floats


class City(NamedTuple):
    """A city. `weight` is how many live there (home) or how many travel there (abroad), against the others."""

    name: str
    country: str
    latitude: float
    longitude: float
    weight: float


HOME: Final = (
    City("Berlin", "DE", 52.52, 13.40, 3.6),
    City("Hamburg", "DE", 53.55, 9.99, 1.9),
    City("Munich", "DE", 48.14, 11.58, 1.5),
    City("Cologne", "DE", 50.94, 6.96, 1.1),
    City("Frankfurt", "DE", 50.11, 8.68, 0.8),
    City("Stuttgart", "DE", 48.78, 9.18, 0.7),
    City("Leipzig", "DE", 51.34, 12.37, 0.6),
    City("Bremen", "DE", 53.08, 8.80, 0.6),
    City("Dresden", "DE", 51.05, 13.74, 0.6),
    City("Freiburg", "DE", 47.99, 7.84, 0.3),
)
ABROAD: Final = (
    City("Paris", "FR", 48.86, 2.35, 1.5),
    City("London", "GB", 51.51, -0.13, 1.3),
    City("Madrid", "ES", 40.42, -3.70, 0.9),
    City("Palma", "ES", 39.57, 2.65, 1.4),
    City("Rome", "IT", 41.90, 12.50, 1.2),
    City("Milan", "IT", 45.46, 9.19, 0.8),
    City("Vienna", "AT", 48.21, 16.37, 1.3),
    City("Zurich", "CH", 47.38, 8.54, 0.8),
    City("Amsterdam", "NL", 52.37, 4.90, 1.1),
    City("Warsaw", "PL", 52.23, 21.01, 0.7),
    City("Istanbul", "TR", 41.01, 28.98, 1.0),
    City("New York", "US", 40.71, -74.01, 0.8),
    City("Dubai", "AE", 25.20, 55.27, 0.5),
    City("Bangkok", "TH", 13.76, 100.50, 0.5),
)
CITIES: Final = HOME + ABROAD

LATITUDE: Final[Floats] = np.array([city.latitude for city in CITIES])
LONGITUDE: Final[Floats] = np.array([city.longitude for city in CITIES])
WEIGHT: Final[Floats] = np.array([city.weight for city in CITIES])


def share(cities: slice) -> Floats:
    """Weights of some of CITIES, adding up to one."""
    return np.asarray(WEIGHT[cities] / WEIGHT[cities].sum(), dtype=np.float64)


AT_HOME: Final = slice(0, len(HOME))
AWAY: Final = slice(len(HOME), len(CITIES))
