"""Fraud in shops: a stolen card near home, a copied card far away, a merchant that charges cards it has seen."""

import numpy as np

from pipelines.simulate import traces
from pipelines.simulate.behaviour import clock, prices
from pipelines.simulate.chance import Flags, Ints, elapsed, factors, series
from pipelines.simulate.payments import (
    ATM,
    CARD_PRESENT,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NOWHERE,
    ONLINE,
    Payments,
    origin,
    shortly,
)
from pipelines.simulate.places import AWAY, HOME, share
from pipelines.simulate.population import Population
from pipelines.simulate.trade import selling


def stolen_card(population: Population, chance: np.random.Generator, day: int, episodes: int) -> Payments:
    """A stolen card is used in shops near its home until it is blocked: goods and everyday things, sometimes cash."""
    trade, victims = population.merchants, population.cards.anyone(chance, episodes)
    group, step = series(chance, episodes, 4, 10)
    card = victims[group]
    moved = chance.random(len(card)) < 0.15
    city = np.where(moved, chance.integers(0, len(HOME), len(card)), population.cards.city[card])
    cash, goods = chance.random(len(card)) < 0.1, chance.random(len(card)) < 0.55
    shop = np.where(goods, trade.goods.draw(chance, city), trade.shops.draw(chance, city))
    merchant = np.where(cash, trade.machines.draw(chance, city), shop)
    start = chance.normal(15, 4, episodes)[group] % 24 * HOUR_MS
    return traces.stolen(
        population,
        chance,
        card=card,
        merchant=merchant,
        at_ms=shortly(day, start + elapsed(step, chance.exponential(12 * MINUTE_MS, len(card)))),
        amount=prices(population, chance, card, merchant, factors(chance, len(card), 2.2, 0.5)),
        channel=np.where(cash, ATM, CARD_PRESENT).astype(np.int64),
        origin=origin("stolen_card", len(card)),
        device=np.full_like(card, NOWHERE),
        magstripe=0.08,
    )


def far_from_home(population: Population, chance: np.random.Generator, day: int, episodes: int) -> Payments:
    """A copied card buys one to three dear things in another city, mostly abroad."""
    victims = population.cards.anyone(chance, episodes)
    group, step = series(chance, episodes, 1, 3)
    card = victims[group]
    abroad = len(HOME) + chance.choice(AWAY.stop - AWAY.start, episodes, p=share(AWAY))
    city = np.where(chance.random(episodes) < 0.8, abroad, chance.integers(0, len(HOME), episodes))[group]
    merchant = population.merchants.goods.draw(chance, city)
    start = chance.uniform(7, 22, episodes)[group] * HOUR_MS
    return traces.stolen(
        population,
        chance,
        card=card,
        merchant=merchant,
        at_ms=shortly(day, start + elapsed(step, chance.exponential(60 * MINUTE_MS, len(card)))),
        amount=prices(population, chance, card, merchant, factors(chance, len(card), 3.5, 0.5)),
        channel=np.full(len(card), CARD_PRESENT),
        origin=origin("far_from_home", len(card)),
        device=np.full_like(card, NOWHERE),
        magstripe=0.35,
    )


def compromised_merchant(population: Population, chance: np.random.Generator, day: int, episodes: int) -> Payments:
    """For three weeks a shop or site charges cards it has seen: usual amounts, usual hours, only the place is wrong."""
    trade = population.merchants
    suspects = _suspects(population, chance, episodes)
    group, _ = series(chance, episodes, 14, 30)
    merchant = suspects[group]
    online = np.isin(trade.category[merchant], selling("online"))
    card = _customers(population, chance, merchant, online)
    when = (day + chance.integers(0, 21, len(card))) * DAY_MS + clock(population, chance, card)
    return traces.stolen(
        population,
        chance,
        card=card,
        merchant=merchant,
        at_ms=when,
        amount=prices(population, chance, card, merchant, factors(chance, len(card), 1.1, 0.3)),
        channel=np.where(online, ONLINE, CARD_PRESENT).astype(np.int64),
        origin=origin("compromised_merchant", len(card)),
        device=np.where(online & (chance.random(len(card)) < 0.5), traces.unknown_devices(chance, len(card)), NOWHERE),
    )


def _suspects(population: Population, chance: np.random.Generator, count: int) -> Ints:
    """Merchants at home or online that are neither unknown nor everybody's."""
    trade = population.merchants
    low, high = np.quantile(trade.popularity, (0.15, 0.65))
    usual = (trade.popularity > low) & (trade.popularity < high) & (trade.city < len(HOME))
    return chance.choice(np.flatnonzero(usual & ~np.isin(trade.category, selling("atm"))), count)


def _customers(population: Population, chance: np.random.Generator, merchant: Ints, online: Flags) -> Ints:
    """Cards that may well have paid there: from the same city, or from anywhere."""
    cards = population.cards
    anybody = chance.integers(0, len(cards), len(merchant))
    return np.where(online, anybody, cards.neighbours.draw(chance, population.merchants.city[merchant]))
