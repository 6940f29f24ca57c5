"""Genuine days that look like fraud: a day of shopping, many small payments in a game, subscriptions."""

import numpy as np

from pipelines.simulate import traces
from pipelines.simulate.behaviour import clock, prices
from pipelines.simulate.chance import daily, elapsed, series, some
from pipelines.simulate.journeys import whereabouts
from pipelines.simulate.payments import CARD_PRESENT, DAY_MS, HOUR_MS, MINUTE_MS, ONLINE, Payments, origin, shortly
from pipelines.simulate.population import Population

_SHOPPING = 0.003
"""Share of cards that go shopping on a day, before sales and holidays."""
_PLAYING = 0.008
"""Share of gamers that buy things in a game on a day."""
_BILLING_DAYS = 30


def shopping_days(population: Population, day: int, season: float) -> Payments:
    """Four to nine purchases within hours, at shops that are mostly new to the card."""
    chance, trade = daily(population.seed, "shopping", day), population.merchants
    shoppers = some(chance, len(population.cards), _SHOPPING * population.activity * season**3)
    group, step = series(chance, len(shoppers), 4, 9)
    card, nowhere = shoppers[group], np.zeros_like(group)
    city = whereabouts(population, day)[0][card]
    online = chance.random(len(card)) < 0.25
    goods = chance.random(len(card)) < 0.5
    shop = np.where(goods, trade.goods.draw(chance, city), trade.shops.draw(chance, city))
    merchant = np.where(online, trade.dear.draw(chance, nowhere), shop)
    start = chance.uniform(8, 17, len(shoppers))[group] * HOUR_MS
    return traces.genuine(
        population,
        chance,
        day,
        city,
        card=card,
        merchant=merchant,
        at_ms=shortly(day, start + elapsed(step, chance.exponential(26 * MINUTE_MS, len(card))), most_days=1),
        amount=prices(population, chance, card, merchant, 1.1),
        channel=np.where(online, ONLINE, CARD_PRESENT).astype(np.int64),
        origin=origin("shopping_day", len(card)),
    )


def micro_payments(population: Population, day: int) -> Payments:
    """Three to seven small payments within minutes at one game or shop of digital things."""
    chance, cards = daily(population.seed, "play", day), population.cards
    players = some(chance, len(cards), _PLAYING * population.activity)
    players = players[cards.gamer[players]]
    group, step = series(chance, len(players), 3, 7)
    card = players[group]
    merchant = population.merchants.cheap.draw(chance, np.zeros_like(players))[group]
    start = clock(population, chance, players)[group]
    return traces.genuine(
        population,
        chance,
        day,
        cards.city[card],
        card=card,
        merchant=merchant,
        at_ms=shortly(day, start + elapsed(step, chance.exponential(3 * MINUTE_MS, len(card))), most_days=1),
        amount=prices(population, chance, card, merchant, 0.5),
        channel=np.full(len(card), ONLINE),
        origin=origin("micro_payments", len(card)),
    )


def subscriptions(population: Population, day: int) -> Payments:
    """The same small amount at the same online merchant every thirty days."""
    chance, cards = daily(population.seed, "billing", day), population.cards
    due = (cards.subscriptions >= 0) & (cards.subscription_day == day % _BILLING_DAYS)
    card, slot = np.nonzero(due & (chance.random(due.shape) < population.activity))
    merchant = cards.subscriptions[card, slot]
    return traces.genuine(
        population,
        chance,
        day,
        cards.city[card],
        card=card,
        merchant=merchant,
        at_ms=day * DAY_MS + chance.integers(0, 6 * HOUR_MS, len(card)),
        amount=np.maximum(np.round(population.merchants.price[merchant] / 100) * 100 - 1, 99).astype(np.int64),
        channel=np.full(len(card), ONLINE),
        origin=origin("subscription", len(card)),
    )
