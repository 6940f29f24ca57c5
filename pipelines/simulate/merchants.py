"""Merchants: what each sells, where, at what price, and how popular it is; and pools from which one is drawn."""

from dataclasses import dataclass

import numpy as np

from pipelines.simulate.chance import Floats, Ints, daily
from pipelines.simulate.places import CITIES, HOME, LATITUDE, LONGITUDE, WEIGHT
from pipelines.simulate.trade import CATEGORIES, CHEAP, DEAR, GOODS, codes, selling

_PRICES = np.array([category.price for category in CATEGORIES], dtype=np.float64)
_WEIGHTS = np.array([category.weight for category in CATEGORIES])
_MACHINES = 3
_FOREIGN_WEB = 0.35
_HEAD_OFFICE = 0.02


@dataclass(frozen=True, eq=False)
class Pool:
    """Merchants of one kind (or cards), arranged by city so that one draw a payment is enough."""

    members: Ints
    cumulative: Floats
    edges: Floats

    def draw(self, chance: np.random.Generator, city: Ints) -> Ints:
        """One for each city given, the popular ones more often."""
        low, high = self.edges[city], self.edges[city + 1]
        found = np.searchsorted(self.cumulative, low + chance.random(len(city)) * (high - low), side="right")
        return self.members[np.minimum(found, len(self.members) - 1)]


@dataclass(frozen=True, eq=False)
class Merchants:
    """One entry a merchant. `price` in minor units; `popularity` has a heavy tail; `place` is the city it reports."""

    category: Ints
    city: Ints
    latitude: Floats
    longitude: Floats
    price: Floats
    popularity: Floats
    shops: Pool
    goods: Pool
    machines: Pool
    web: Pool
    dear: Pool
    cheap: Pool

    def __len__(self) -> int:
        return len(self.category)


def merchants(seed: int, count: int) -> Merchants:
    """About `count` merchants, at least one of every kind in every city."""
    chance = daily(seed, "merchants")
    category, city = _trades(chance, count)
    size = len(category)
    popularity = chance.pareto(1.3, size) + 0.15
    latitude, longitude = _positions(chance, city)
    pools = {
        "shops": (selling("card_present"), True),
        "goods": (codes(*GOODS), True),
        "machines": (selling("atm"), True),
        "web": (selling("online"), False),
        "dear": (codes(*DEAR), False),
        "cheap": (codes(*CHEAP), False),
    }
    return Merchants(
        category=category,
        city=city,
        latitude=latitude,
        longitude=longitude,
        price=_PRICES[category] * np.exp(chance.normal(0, 0.3, size)),
        popularity=popularity,
        **{
            name: pool(np.flatnonzero(np.isin(category, kinds)), city if local else np.zeros_like(city), popularity)
            for name, (kinds, local) in pools.items()
        },
    )


def _trades(chance: np.random.Generator, count: int) -> tuple[Ints, Ints]:
    """Category and city of each merchant: every shop category in every city once, then at random."""
    shops, machines, web = selling("card_present"), selling("atm"), selling("online")
    everywhere = np.arange(len(CITIES))
    surely = (np.tile(shops + machines * _MACHINES, len(CITIES)), np.repeat(everywhere, len(shops) + _MACHINES))
    more = max(count - len(surely[0]), 20 * len(web))
    online = chance.choice(web, more // 4, p=_WEIGHTS[web] / _WEIGHTS[web].sum())
    local = chance.choice(shops + machines, more - more // 4, p=_chances(shops + machines))
    seat = np.where(chance.random(len(online)) < _FOREIGN_WEB, chance.integers(len(HOME), len(CITIES), len(online)), 0)
    place = chance.choice(everywhere, len(local), p=WEIGHT / WEIGHT.sum())
    first = np.repeat(web, 3)
    category = np.concatenate((surely[0], first, online, local))
    city = np.concatenate((surely[1], np.zeros(len(first), np.int64), seat, place))
    return category.astype(np.int64), city.astype(np.int64)


def _chances(kinds: list[int]) -> Floats:
    return np.asarray(_WEIGHTS[kinds] / _WEIGHTS[kinds].sum(), dtype=np.float64)


def _positions(chance: np.random.Generator, city: Ints) -> tuple[Floats, Floats]:
    """Where terminals say they are: around their city; a few report their head office instead."""
    office = chance.random(len(city)) < _HEAD_OFFICE
    reported = np.where(office, chance.integers(0, len(HOME), len(city)), city)
    north, east = chance.normal(0, 0.04, (2, len(city)))
    return LATITUDE[reported] + north, LONGITUDE[reported] + east


def pool(members: Ints, city: Ints, popularity: Floats) -> Pool:
    """A pool of some members, from the city and popularity of everybody."""
    members = members[np.argsort(city[members], kind="stable")]
    cumulative = np.cumsum(popularity[members])
    borders = np.searchsorted(city[members], np.arange(len(CITIES) + 1))
    return Pool(members, cumulative, np.concatenate(([0.0], cumulative))[borders])
