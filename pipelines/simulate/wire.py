"""Payments as the rest of the world sees them: the columns and records of schemas.TRANSACTION."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from pipelines.schemas import CHANNELS, ENTRY_MODES
from pipelines.simulate.chance import Floats, Ints, scramble
from pipelines.simulate.payments import NOWHERE, Payments
from pipelines.simulate.places import CITIES
from pipelines.simulate.population import Population
from pipelines.simulate.trade import CATEGORIES

CURRENCY: Final = "EUR"
_MOBILE: Final = 1 << 22
_COUNTRIES: Final = [city.country for city in CITIES]
_CATEGORIES: Final = [category.name for category in CATEGORIES]


def columns(population: Population, payments: Payments, ids: Sequence[str], start_ms: int) -> dict[str, list[Any]]:
    """The columns of schemas.TRANSACTION but `sent_at_ms`, None where a payment has no such thing."""
    trade, merchant = population.merchants, payments.merchant
    return {
        "transaction_id": list(ids),
        "card_id": [card_token(card) for card in payments.card.tolist()],
        "merchant_id": [merchant_name(population, one) for one in merchant.tolist()],
        "amount_minor": payments.amount.tolist(),
        "currency": [CURRENCY] * len(payments),
        "event_time": iso(start_ms + payments.at_ms),
        "channel": _named(CHANNELS, payments.channel),
        "entry_mode": _named(ENTRY_MODES, payments.entry),
        "category": _named(_CATEGORIES, trade.category[merchant]),
        "country": _named(_COUNTRIES, trade.city[merchant]),
        "latitude": _degrees(payments.latitude),
        "longitude": _degrees(payments.longitude),
        "device_id": [device_token(device) for device in payments.device.tolist()],
        "ip": [None if one == NOWHERE else _ip(one) for one in payments.address.tolist()],
    }


def records(listed: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Rows of columns as wire records: what a record does not have is left out."""
    for row in zip(*listed.values(), strict=True):
        yield {name: value for name, value in zip(listed, row, strict=True) if value is not None}


def card_token(card: int) -> str:
    """The token of a card: never a number that could be one."""
    return f"card-{scramble(card)}"


def device_token(device: int) -> str | None:
    """The token of a device, None for none."""
    return None if device == NOWHERE else f"dev-{scramble(device)}"


def merchant_name(population: Population, merchant: int) -> str:
    """The id of a merchant: what it sells and its number."""
    return f"{_CATEGORIES[population.merchants.category[merchant]]}-{merchant:05d}"


def iso(at_ms: Ints) -> list[str]:
    """Epoch milliseconds as ISO-8601 UTC text with milliseconds."""
    return [f"{text}Z" for text in np.datetime_as_string(at_ms.astype("datetime64[ms]"), unit="ms").tolist()]


def _named(names: Sequence[str], codes: Ints) -> list[str]:
    return [names[code] for code in codes.tolist()]


def _degrees(values: Floats) -> list[float | None]:
    return [None if value != value else value for value in np.round(values, 5).tolist()]


def _ip(address: int) -> str:
    """100.64.0.0/10 for mobile networks, 198.18.0.0/15 for homes: addresses that belong to nobody."""
    number = 0x64400000 + address if address < _MOBILE else 0xC6120000 + address - _MOBILE
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))
