"""Fraud online: lists of cards tried with small payments, accounts taken over, small sums for weeks."""

import numpy as np

from pipelines.simulate import traces
from pipelines.simulate.behaviour import clock, prices
from pipelines.simulate.chance import Ints, elapsed, factors, series
from pipelines.simulate.payments import DAY_MS, HOUR_MS, MINUTE_MS, NOWHERE, ONLINE, Payments, origin, shortly, together
from pipelines.simulate.population import REGULARS, Population


def card_testing(population: Population, chance: np.random.Generator, day: int, episodes: int) -> Payments:
    """A list of two to four cards is tried with small online payments; those that work buy something dear later."""
    trade = population.merchants
    campaign, _ = series(chance, episodes, 2, 4)
    victims = population.cards.anyone(chance, len(campaign))
    device = np.where(chance.random(episodes) < 0.85, traces.unknown_devices(chance, episodes), NOWHERE)[campaign]
    target = trade.cheap.draw(chance, np.zeros(episodes, np.int64))[campaign]
    start = (chance.uniform(0, 24, episodes)[campaign] + chance.uniform(0, 1.5, len(campaign))) * HOUR_MS
    group, step = series(chance, len(victims), 4, 8)
    other = trade.cheap.draw(chance, np.zeros_like(group))
    tests = traces.stolen(
        population,
        chance,
        card=victims[group],
        merchant=np.where(chance.random(len(group)) < 0.25, other, target[group]),
        at_ms=shortly(day, start[group] + elapsed(step, chance.exponential(2.5 * MINUTE_MS, len(group)))),
        amount=np.round(np.exp(chance.normal(5.2, 0.7, len(group)))).clip(30, 1_500).astype(np.int64),
        channel=np.full(len(group), ONLINE),
        origin=origin("card_testing", len(group)),
        device=device[group],
        manual=0.7,
    )
    works = np.flatnonzero(chance.random(len(victims)) < 0.5)
    merchant = trade.dear.draw(chance, np.zeros_like(works))
    purchase = traces.stolen(
        population,
        chance,
        card=victims[works],
        merchant=merchant,
        at_ms=shortly(day, start[works] + chance.uniform(1, 20, len(works)) * HOUR_MS),
        amount=prices(population, chance, victims[works], merchant, factors(chance, len(works), 2.5, 0.5)),
        channel=np.full(len(works), ONLINE),
        origin=origin("card_testing", len(works)),
        device=device[works],
        manual=0.7,
    )
    return together((tests, purchase))


def account_takeover(population: Population, chance: np.random.Generator, day: int, episodes: int) -> Payments:
    """Somebody signs in as the cardholder on another device and shops online for up to three days."""
    trade, cards = population.merchants, population.cards
    victims = population.cards.anyone(chance, episodes)
    group, step = series(chance, episodes, 2, 5)
    card = victims[group]
    usual = cards.regulars[card, chance.integers(0, REGULARS, len(card))]
    merchant = np.where(chance.random(len(card)) < 0.4, usual, trade.dear.draw(chance, np.zeros_like(card)))
    start = chance.normal(20, 4, episodes)[group] % 24 * HOUR_MS
    return traces.stolen(
        population,
        chance,
        card=card,
        merchant=merchant,
        at_ms=shortly(day, start + elapsed(step, chance.exponential(7 * HOUR_MS, len(card))), most_days=3),
        amount=prices(population, chance, card, merchant, factors(chance, len(card), 2.3, 0.6)),
        channel=np.full(len(card), ONLINE),
        origin=origin("account_takeover", len(card)),
        device=_gang_devices(chance, day, episodes)[group],
        manual=0.2,
    )


def low_and_slow(population: Population, chance: np.random.Generator, day: int, episodes: int) -> Payments:
    """For weeks a card pays a little every day or two, less than usual, at one or two online merchants."""
    trade = population.merchants
    victims = population.cards.anyone(chance, episodes)
    group, step = series(chance, episodes, 8, 16)
    card = victims[group]
    first, second = (trade.cheap.draw(chance, np.zeros(episodes, np.int64))[group] for _ in range(2))
    merchant = np.where(chance.random(len(card)) < 0.7, first, second)
    days = np.floor(elapsed(step, chance.uniform(0.7, 3.0, len(card)))).astype(np.int64)
    device = np.where(chance.random(episodes) < 0.6, traces.unknown_devices(chance, episodes), NOWHERE)
    return traces.stolen(
        population,
        chance,
        card=card,
        merchant=merchant,
        at_ms=(day + days) * DAY_MS + clock(population, chance, card),
        amount=np.round(np.exp(chance.normal(7.2, 0.45, len(card)))).astype(np.int64),
        channel=np.full(len(card), ONLINE),
        origin=origin("low_and_slow", len(card)),
        device=device[group],
        manual=0.15,
    )


def _gang_devices(chance: np.random.Generator, day: int, count: int) -> Ints:
    """A device nobody knows for each episode; some belong to gangs that use one for ten days."""
    gang = traces.unknown_device(day // 10 * 3 + chance.integers(0, 3, count))
    return np.where(chance.random(count) < 0.4, gang, traces.unknown_devices(chance, count))
