"""A crowd for load: any number of cards that pay near home and online, every field filled, no story and no fraud.

Merchants follow a power law: a few see much of the traffic, most see little. Half of them are in a city and visited by those
who live there; the others are online and open to everybody.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.schemas import SIGNAL, TRANSACTION
from pipelines.simulate import wire
from pipelines.simulate.chance import Flags, Floats, Ints, factors
from pipelines.simulate.history import SIGNALS_FILE, TRANSACTIONS_FILE
from pipelines.simulate.ledger import arrow
from pipelines.simulate.payments import DAY_MS
from pipelines.simulate.places import CITIES, HOME, LATITUDE, LONGITUDE
from pipelines.simulate.trade import CATEGORIES, selling

ONLINE_SHARE: Final = 0.25
STEEPNESS: Final = 0.8
"""Exponent of the power law: of 2,500 online merchants the largest has 5% of the online payments."""
PER_CARD_PER_DAY: Final = 2.0
BLOCK: Final = 500
"""Payments made at a time: about a millisecond's work."""


class Crowd(NamedTuple):
    """How many pay where; `start_ms` is the event time of payment 0 (epoch milliseconds). Those before have negative numbers."""

    cards: int
    start_ms: int
    merchants: int = 5_000
    seed: int = 1

    @property
    def step_ms(self) -> float:
        """Event time between two payments of the crowd: each card pays twice a day however fast they are sent."""
        return DAY_MS / (self.cards * PER_CARD_PER_DAY)

    def payments(self, first: int, count: int) -> Iterator[dict[str, Any]]:
        """Payments `first` to `first + count` as records of schemas.TRANSACTION, of cards drawn by chance."""
        for at in range(first, first + count, BLOCK):
            numbers = np.arange(at, min(at + BLOCK, first + count))
            chance = self._chance(at)
            yield from wire.records(self._columns(chance, numbers, chance.integers(0, self.cards, len(numbers))))

    def write_past(self, per_card: int, folder: Path) -> None:
        """Write the payments right before payment 0, `per_card` of each card, as a history folder that can be published."""
        folder.mkdir(parents=True, exist_ok=True)
        schema = arrow(TRANSACTION)
        with pq.ParquetWriter(folder / TRANSACTIONS_FILE, schema) as file:
            for at in range(-per_card * self.cards, 0, 100 * BLOCK):
                numbers = np.arange(at, min(at + 100 * BLOCK, 0))
                columns = self._columns(self._chance(at), numbers, numbers % self.cards)
                file.write_table(pa.table({**columns, "sent_at_ms": [None] * len(numbers)}, schema))
        pq.write_table(arrow(SIGNAL).empty_table(), folder / SIGNALS_FILE)

    def _chance(self, at: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, abs(at), int(at < 0)])

    def _columns(self, chance: np.random.Generator, numbers: Ints, card: Ints) -> dict[str, list[Any]]:
        """Columns of schemas.TRANSACTION but `sent_at_ms`."""
        online = chance.random(len(numbers)) < ONLINE_SHARE
        city = card % len(HOME)
        merchant = self._merchants(chance, online, city)
        category = _categories(online, merchant)
        price = np.array([one.price for one in CATEGORIES])[category]
        return {
            "transaction_id": [transaction_id(number) for number in numbers.tolist()],
            "card_id": [wire.card_token(one) for one in card.tolist()],
            "merchant_id": [f"{CATEGORIES[kind].name}-{one:05d}" for kind, one in _pairs(category, merchant)],
            "amount_minor": np.maximum(price * factors(chance, len(numbers), 1.0, 0.6), 1).astype(np.int64).tolist(),
            "currency": [wire.CURRENCY] * len(numbers),
            "event_time": wire.iso(self.start_ms + np.floor(numbers * self.step_ms).astype(np.int64)),
            "channel": ["online" if one else "card_present" for one in online.tolist()],
            "entry_mode": ["stored" if one else "contactless" for one in online.tolist()],
            "category": [CATEGORIES[kind].name for kind in category.tolist()],
            "country": [CITIES[one].country for one in city.tolist()],
            "latitude": _near(LATITUDE[city], merchant, online),
            "longitude": _near(LONGITUDE[city], merchant, online),
            "device_id": [wire.device_token(one) if on else None for one, on in _pairs(card, online)],
            "ip": [f"198.18.{one >> 8 & 255}.{one & 255}" if on else None for one, on in _pairs(card, online)],
        }

    def _merchants(self, chance: np.random.Generator, online: Flags, city: Ints) -> Ints:
        """Odd numbers are online, even ones in the city that the number belongs to."""
        half = self.merchants // 2
        local = _ranks(chance, half // len(HOME), len(city)) * len(HOME) + city
        return np.where(online, 2 * _ranks(chance, half, len(city)) + 1, 2 * local)


def transaction_id(number: int) -> str:
    """Id of a payment of the crowd; those of its past have another form."""
    return f"load-{number:09d}" if number >= 0 else f"past-{-number:09d}"


def number(transaction_id: str) -> int | None:
    """Number of a payment from its id; None if it is none of the crowd's, or of its past."""
    kind, _, digits = transaction_id.partition("-")
    return int(digits) if kind == "load" and digits.isdigit() else None


def _ranks(chance: np.random.Generator, among: int, count: int) -> Ints:
    """Ranks from 0, drawn by a power law."""
    weights = np.arange(1, among + 1, dtype=np.float64) ** -STEEPNESS
    return np.searchsorted(np.cumsum(weights) / weights.sum(), chance.random(count)).astype(np.int64)


def _categories(online: Flags, merchant: Ints) -> Ints:
    there, remote = np.array(selling("card_present")), np.array(selling("online"))
    return np.where(online, remote[merchant % len(remote)], there[merchant % len(there)])


def _near(centre: Floats, merchant: Ints, online: Flags) -> list[float | None]:
    """A merchant's own place within some ten kilometres of the centre; none online."""
    offset = (merchant * 37 % 200 - 100) / 1_000
    return [
        None if on else round(place, 5) for place, on in zip((centre + offset).tolist(), online.tolist(), strict=True)
    ]


def _pairs(left: Ints | Flags, right: Ints | Flags) -> Iterator[tuple[int, int]]:
    return zip(left.tolist(), right.tolist(), strict=True)
