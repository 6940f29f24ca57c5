"""What cardholders do on an ordinary day: how often, when, where, on which channel, for how much, at home or away."""

import numpy as np

from pipelines.simulate import traces
from pipelines.simulate.chance import Flags, Floats, Ints, daily
from pipelines.simulate.journeys import whereabouts
from pipelines.simulate.payments import ATM, CARD_PRESENT, DAY_MS, GENUINE, HOUR_MS, ONLINE, Payments
from pipelines.simulate.population import FAVOURITES, REGULARS, Population
from pipelines.simulate.trade import CATEGORIES

_SPREAD = np.array([category.spread for category in CATEGORIES])
_MACHINES = np.array([category.channel == "atm" for category in CATEGORIES])
_WEEK = (0.92, 0.93, 0.95, 0.98, 1.12, 1.22, 0.88)
"""Activity on Monday to Sunday."""
_BIG = 0.006
"""Share of payments that are a big one-off purchase."""

SHOPS = np.cumsum(1 / np.arange(1, FAVOURITES + 1)) / np.sum(1 / np.arange(1, FAVOURITES + 1))
SITES = np.cumsum(1 / np.arange(1, REGULARS + 1)) / np.sum(1 / np.arange(1, REGULARS + 1))


def habits(population: Population, day: int, weekday: int, season: float) -> Payments:
    """The everyday payments of one day.

    Args:
        population: who there is.
        day: days since the bank's first midnight.
        weekday: 0 is Monday.
        season: activity against an ordinary time of the year.
    """
    cards, chance = population.cards, daily(population.seed, "habits", day)
    city, why = whereabouts(population, day)
    travelling = why == GENUINE.index("travel")
    card = np.repeat(
        np.arange(len(cards)), chance.poisson(cards.rate * _WEEK[weekday] * season * np.where(travelling, 1.4, 1))
    )
    away = why[card] > 0
    channel = _channels(population, chance, card, away)
    merchant = _choices(population, chance, card, channel, city[card], away)
    amount = prices(population, chance, card, merchant)
    big = (chance.random(len(card)) < _BIG) & (channel != ATM)
    merchant, amount = _one_off(population, chance, big, channel, city[card], merchant, amount)
    return traces.genuine(
        population,
        chance,
        day,
        city[card],
        card=card,
        merchant=merchant,
        at_ms=day * DAY_MS + clock(population, chance, card),
        amount=amount,
        channel=channel,
        origin=np.where(big, GENUINE.index("big_purchase"), why[card]),
    )


def clock(population: Population, chance: np.random.Generator, card: Ints) -> Ints:
    """A time of day for each payment, in milliseconds, by the card's habit."""
    hour = chance.normal(population.cards.peak_hour[card], population.cards.hour_spread[card]) % 24
    return np.minimum((hour * HOUR_MS).astype(np.int64), DAY_MS - 1)


def prices(
    population: Population, chance: np.random.Generator, card: Ints, merchant: Ints, factor: Floats | float = 1.0
) -> Ints:
    """An amount in minor units: the merchant's price, the card's level, and luck; cash in round notes."""
    trade = population.merchants
    kind = trade.category[merchant]
    luck = np.exp(chance.normal(0, _SPREAD[kind]))
    amount = trade.price[merchant] * population.cards.level[card] ** 0.8 * luck * factor
    notes = np.maximum(np.round(amount / 2_000), 1) * 2_000
    return np.clip(np.round(np.where(_MACHINES[kind], np.minimum(notes, 100_000), amount)), 30, 1_500_000).astype(
        np.int64
    )


def _channels(population: Population, chance: np.random.Generator, card: Ints, away: Flags) -> Ints:
    cards, luck = population.cards, chance.random(len(card))
    online = cards.online[card] * np.where(away, 0.5, 1)
    return np.select((luck < online, luck > 1 - cards.cash[card]), (ONLINE, ATM), CARD_PRESENT).astype(np.int64)


def _choices(
    population: Population,
    chance: np.random.Generator,
    card: Ints,
    channel: Ints,
    city: Ints,
    away: Flags,
) -> Ints:
    """A merchant for each payment: a favourite, or out of curiosity or necessity another one."""
    cards, trade, count = population.cards, population.merchants, len(card)
    curious = away | (chance.random(count) < cards.curious[card])
    shop = cards.favourites[card, np.searchsorted(SHOPS, chance.random(count))]
    site = cards.regulars[card, np.searchsorted(SITES, chance.random(count))]
    other_site = chance.random(count) < cards.curious[card]
    return np.select(
        ((channel == ATM), (channel == ONLINE) & other_site, channel == ONLINE, curious),
        (
            trade.machines.draw(chance, city),
            trade.web.draw(chance, np.zeros_like(card)),
            site,
            trade.shops.draw(chance, city),
        ),
        shop,
    ).astype(np.int64)


def _one_off(
    population: Population,
    chance: np.random.Generator,
    big: Flags,
    channel: Ints,
    city: Ints,
    merchant: Ints,
    amount: Ints,
) -> tuple[Ints, Ints]:
    """Furniture, a new computer, a flight: rare, dear and genuine."""
    trade = population.merchants
    where = np.where(channel == ONLINE, trade.dear.draw(chance, np.zeros_like(city)), trade.goods.draw(chance, city))
    price = (trade.price[where] * chance.uniform(2, 9, len(big))).astype(np.int64)
    return np.where(big, where, merchant), np.where(big, price, amount)
