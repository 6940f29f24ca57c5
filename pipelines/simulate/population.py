"""Who there is: cardholders with homes, habits, devices and favourite merchants; and the merchants. All from one seed."""

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.chance import Flags, Floats, Ints, daily
from pipelines.simulate.merchants import Merchants, Pool, merchants, pool
from pipelines.simulate.places import AT_HOME, HOME, LATITUDE, LONGITUDE, share

FAVOURITES = 10
"""Shops a card goes back to."""
REGULARS = 6
"""Online merchants a card goes back to."""
SUBSCRIPTIONS = 3
_JOINS = 0.22
"""Share of cards that live with the card before them."""


@dataclass(frozen=True, eq=False)
class Cardholders:
    """One entry a card. `rate` in payments a day, `level` multiplies prices, hours are UTC."""

    city: Ints
    latitude: Floats
    longitude: Floats
    rate: Floats
    level: Floats
    online: Floats
    cash: Floats
    curious: Floats
    peak_hour: Floats
    hour_spread: Floats
    wallet: Flags
    gamer: Flags
    private: Flags
    household: Ints
    family: Flags
    phone_days: Floats
    phone_age: Floats
    favourites: Ints
    regulars: Ints
    subscriptions: Ints
    subscription_day: Ints
    neighbours: Pool

    def __len__(self) -> int:
        return len(self.city)

    def anyone(self, chance: np.random.Generator, count: int) -> Ints:
        """Some cards, each as likely as another."""
        return chance.integers(0, len(self), count)

    def phone(self, day: int) -> Ints:
        """How many phones each card had before the one of this day."""
        return np.floor((day + self.phone_age) / self.phone_days).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Population:
    """Everybody, and the seed they came from. `activity` is payments a card and day against an ordinary two."""

    seed: int
    activity: float
    cards: Cardholders
    merchants: Merchants


def populate(seed: int, cards: int, payments_per_card_per_day: float) -> Population:
    """The population of a bank: the same arguments give the same people."""
    trade = merchants(seed, max(1_500, int(40 * cards**0.5)))
    return Population(
        seed, payments_per_card_per_day / 2, _cardholders(seed, cards, payments_per_card_per_day, trade), trade
    )


def _cardholders(seed: int, count: int, payments_a_day: float, trade: Merchants) -> Cardholders:
    chance = daily(seed, "cardholders")
    household, family, city, north, east = _homes(chance, count)
    rate = chance.gamma(2.2, 1.0, count) + 0.1
    own = chance.random((count, SUBSCRIPTIONS)) < 0.45
    return Cardholders(
        city=city,
        latitude=LATITUDE[city] + north,
        longitude=LONGITUDE[city] + east,
        rate=rate * (payments_a_day / rate.mean()),
        level=np.exp(chance.normal(0, 0.45, count)),
        online=chance.beta(2, 4.5, count),
        cash=chance.beta(1.5, 28, count),
        curious=chance.beta(2.2, 4.5, count),
        peak_hour=_peaks(chance, count),
        hour_spread=chance.uniform(2.2, 4.5, count),
        wallet=chance.random(count) < 0.4,
        gamer=chance.random(count) < 0.2,
        private=chance.random(count) < 0.04,
        household=household,
        family=family,
        phone_days=chance.uniform(300, 1_100, count),
        phone_age=chance.uniform(0, 1_100, count),
        favourites=_spread(trade.shops.draw(chance, np.repeat(city, FAVOURITES)), FAVOURITES),
        regulars=_spread(trade.web.draw(chance, np.zeros(count * REGULARS, np.int64)), REGULARS),
        subscriptions=np.where(own, _spread(trade.cheap.draw(chance, np.zeros(own.size, np.int64)), SUBSCRIPTIONS), -1),
        subscription_day=chance.integers(0, 30, (count, SUBSCRIPTIONS)),
        neighbours=pool(np.arange(count), city, np.ones(count)),
    )


def _homes(chance: np.random.Generator, count: int) -> tuple[Ints, Flags, Ints, Floats, Floats]:
    """Household of each card, whether others live there, city and offset of the home in degrees."""
    household = np.cumsum(chance.random(count) >= _JOINS).astype(np.int64)
    crowd = np.bincount(household)
    homes = len(crowd)
    city = chance.choice(len(HOME), homes, p=share(AT_HOME)).astype(np.int64)
    north, east = chance.normal(0, 0.05, (2, homes))
    others = np.asarray(crowd[household] > 1)
    return household, others, city[household], north[household], east[household]


def _peaks(chance: np.random.Generator, count: int) -> Floats:
    """The hour around which each card pays: by day, in the evening, early, or at night."""
    kind = chance.choice(4, count, p=(0.68, 0.18, 0.09, 0.05))
    return np.asarray(chance.normal(np.array((13.0, 18.0, 8.5, 1.5))[kind], 1.5), dtype=np.float64)


def _spread(flat: Ints, width: int) -> Ints:
    return flat.reshape(-1, width)
