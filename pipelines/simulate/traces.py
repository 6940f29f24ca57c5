"""The traces a payment leaves: entry mode, place, device and internet address. Genuine and stolen ones look alike."""

import numpy as np

from pipelines.simulate.chance import Flags, Floats, Ints
from pipelines.simulate.payments import ATM, CHIP, CONTACTLESS, MAGSTRIPE, MANUAL, NOWHERE, ONLINE, STORED, Payments
from pipelines.simulate.places import CITIES, HOME, LATITUDE, LONGITUDE
from pipelines.simulate.population import Population

_TABLET = 1 << 40
_BROWSER = 1 << 41
_MOBILE = 1 << 22
"""Mobile networks: 100.64.0.0/10. Homes have 198.18.0.0/15: neither belongs to anybody."""
_HOMES = 1 << 17


def genuine(
    population: Population,
    chance: np.random.Generator,
    day: int,
    city: Ints,
    *,
    card: Ints,
    merchant: Ints,
    at_ms: Ints,
    amount: Ints,
    channel: Ints,
    origin: Ints,
) -> Payments:
    """Payments of the cardholders themselves; `city` is where each of them is."""
    cards, count = population.cards, len(card)
    online = channel == ONLINE
    entry = _entry(chance, channel, magstripe=0.02, manual=0.35)
    device = _own_device(population, chance, day, card)
    in_wallet = (entry == CONTACTLESS) & cards.wallet[card] & (chance.random(count) < 0.6)
    latitude, longitude = _where(population, chance, card, city)
    return _at_terminals(
        population,
        chance,
        Payments(
            card=card,
            merchant=merchant,
            at_ms=at_ms,
            amount=amount,
            channel=channel,
            entry=entry,
            latitude=latitude,
            longitude=longitude,
            device=np.where(online, device, np.where(in_wallet, cards.phone(day)[card] + card * 64, NOWHERE)),
            address=np.where(online, _address(chance, cards.household[card], chance.random(count) < 0.5), NOWHERE),
            origin=origin,
        ),
    )


def stolen(
    population: Population,
    chance: np.random.Generator,
    *,
    card: Ints,
    merchant: Ints,
    at_ms: Ints,
    amount: Ints,
    channel: Ints,
    origin: Ints,
    device: Ints,
    magstripe: float = 0.05,
    manual: float = 0.35,
) -> Payments:
    """Payments of somebody else. Online, the place is a proxy: often near the victim, sometimes anywhere, mostly hidden."""
    count = len(card)
    near = chance.random(count) < 0.7
    city = np.where(near, population.cards.city[card], chance.integers(0, len(CITIES), count))
    hidden_device = device == NOWHERE
    hidden = hidden_device | (chance.random(count) < 0.5)
    north, east = chance.normal(0, 0.08, (2, count))
    online = channel == ONLINE
    return _at_terminals(
        population,
        chance,
        Payments(
            card=card,
            merchant=merchant,
            at_ms=at_ms,
            amount=amount,
            channel=channel,
            entry=_entry(chance, channel, magstripe, manual),
            latitude=np.where(hidden, np.nan, LATITUDE[city] + north),
            longitude=np.where(hidden, np.nan, LONGITUDE[city] + east),
            device=np.where(online, device, NOWHERE),
            address=np.where(online, _address(chance, device, hidden_device | (chance.random(count) < 0.6)), NOWHERE),
            origin=origin,
        ),
    )


def unknown_devices(chance: np.random.Generator, count: int) -> Ints:
    """Devices nobody has used before."""
    return unknown_device(chance.integers(0, _TABLET, count))


def unknown_device(number: Ints) -> Ints:
    """A device of no cardholder, by its number below 2 to the 40."""
    return _BROWSER + number


def _entry(chance: np.random.Generator, channel: Ints, magstripe: float, manual: float) -> Ints:
    luck = chance.random(len(channel))
    present = np.where(luck < magstripe, MAGSTRIPE, np.where(luck < 0.55, CONTACTLESS, CHIP))
    remote = np.where(luck < manual, MANUAL, STORED)
    machine = np.where(luck < magstripe, MAGSTRIPE, CHIP)
    return np.where(channel == ONLINE, remote, np.where(channel == ATM, machine, present)).astype(np.int64)


def _own_device(population: Population, chance: np.random.Generator, day: int, card: Ints) -> Ints:
    """Mostly the phone, sometimes the family's tablet, a private browser window, or a stored card without a device."""
    cards, luck = population.cards, chance.random(len(card))
    tablet = cards.family[card] & (luck < 0.14)
    choices = (tablet, luck > 0.92, luck > 0.90)
    return np.select(
        choices,
        (_TABLET + cards.household[card], np.full(len(card), NOWHERE), unknown_devices(chance, len(card))),
        card * 64 + cards.phone(day)[card],
    ).astype(np.int64)


def _where(population: Population, chance: np.random.Generator, card: Ints, city: Ints) -> tuple[Floats, Floats]:
    """Where an online cardholder seems to be: half of them say, those behind a private network say somewhere else."""
    cards, count = population.cards, len(card)
    away = city != cards.city[card]
    exit_city = len(HOME) + card % (len(CITIES) - len(HOME))
    seen = np.where(cards.private[card] & (chance.random(count) < 0.8), exit_city, city)
    moved = away | (seen != city)
    north, east = chance.normal(0, 0.05, (2, count))
    silent = chance.random(count) < 0.5
    latitude = np.where(moved, LATITUDE[seen], cards.latitude[card]) + north
    longitude = np.where(moved, LONGITUDE[seen], cards.longitude[card]) + east
    return np.where(silent, np.nan, latitude), np.where(silent, np.nan, longitude)


def _address(chance: np.random.Generator, owner: Ints, mobile: Flags) -> Ints:
    roaming = chance.integers(0, _MOBILE, len(owner))
    return np.where(mobile, roaming, _MOBILE + np.abs(owner) % _HOMES).astype(np.int64)


def _at_terminals(population: Population, chance: np.random.Generator, payments: Payments) -> Payments:
    """What happens at a terminal has the terminal's place; a few terminals do not say."""
    trade, there = population.merchants, payments.channel != ONLINE
    silent = chance.random(len(payments)) < 0.02
    for own, reported in ((payments.latitude, trade.latitude), (payments.longitude, trade.longitude)):
        own[there] = np.where(silent, np.nan, reported[payments.merchant])[there]
    return payments
