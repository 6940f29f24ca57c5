"""The simulated bank: its payments of any day in event-time order, and the truth about them, kept apart.

A day is made from the seed alone, never from the day before. So history and present join without a seam, and a restart
goes on where it stopped.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Lock, Thread
from typing import Any, NamedTuple

from pipelines.errors import UsageError
from pipelines.simulate import wire
from pipelines.simulate.diary import everything
from pipelines.simulate.fraud import Fraudsters
from pipelines.simulate.payments import ORIGINS, Payments
from pipelines.simulate.population import populate

_HABITUAL = 0.945
"""Share of payments made out of habit; the others are occasions and frauds."""
_CHUNK = 500
"""Payments turned into records at a time."""


class Position(NamedTuple):
    """A payment by its day (0 is the bank's first) and its place in the order of that day."""

    day: int
    number: int


class Bank:
    """Cardholders, merchants and fraudsters of one seed."""

    def __init__(self, seed: int, cards: int, payments_per_card_per_day: float, start: datetime) -> None:
        """Found a bank.

        Args:
            seed: 0 to 99,999; the same seed and sizes give the same payments in every process.
            cards: how many cards there are.
            payments_per_card_per_day: on average, everything included.
            start: the first midnight, UTC.

        Raises:
            UsageError: a size is not above zero, the seed is out of bounds, or `start` is not a midnight in UTC.
        """
        if not 0 <= seed < 100_000 or cards < 1 or payments_per_card_per_day <= 0:
            raise UsageError(
                f"no such bank: seed {seed} (0 to 99999), {cards} cards, {payments_per_card_per_day} payments a day"
            )
        if start.utcoffset() != timedelta(0) or start.timestamp() % 86_400:
            raise UsageError(
                f"the bank cannot start at {start.isoformat()}: give a midnight in UTC, like 2026-01-01T00:00:00+00:00"
            )
        self.seed, self.cards, self.start = seed, cards, start
        self.payments_per_card_per_day = payments_per_card_per_day
        self.start_ms = int(start.timestamp() * 1000)
        self.population = populate(seed, cards, payments_per_card_per_day * _HABITUAL)
        self._fraudsters = Fraudsters(self.population, cards * payments_per_card_per_day)
        self._days: dict[int, Payments] = {}
        self._frauds: dict[int, dict[int, str]] = {}
        self._lock = Lock()

    def day(self, day: int) -> Payments:
        """All payments of a day in event-time order."""
        ready = self._days.get(day)
        return self._prepared(day) if ready is None else ready

    def forget(self, before_day: int) -> None:
        """Give back the memory of past days. They can be made again; the truth about them is kept."""
        for day in [day for day in self._days if day < before_day]:
            del self._days[day]

    def prepare(self, since: Position, count: int) -> None:
        """Make the days of the next `count` payments now, so that nothing has to be made while they are sent."""
        day, left = since.day, count + since.number
        while left > 0:
            left -= len(self.day(day))
            day += 1

    def payments(self, since: Position, until_day: int | None = None) -> Iterator[dict[str, Any]]:
        """Payments in event-time order as records of schemas.TRANSACTION.

        The next day is made in the background while one is handed out.

        Args:
            since: the first one.
            until_day: the first day that is left out; without it there is no end.
        """
        day, skip = since
        while until_day is None or day < until_day:
            made = self.day(day)
            Thread(target=self.day, args=(day + 1,), daemon=True).start()
            self.forget(day)
            for first in range(skip, len(made), _CHUNK):
                yield from wire.records(self.columns(day, first, min(first + _CHUNK, len(made))))
            day, skip = day + 1, 0

    def columns(self, day: int, first: int = 0, end: int | None = None) -> dict[str, list[Any]]:
        """Some payments of a day as columns of schemas.TRANSACTION."""
        made = self.day(day)
        numbers = range(len(made))[first:end]
        ids = [self.transaction_id(Position(day, number)) for number in numbers]
        return wire.columns(self.population, made.take(slice(numbers.start, numbers.stop)), ids, self.start_ms)

    def transaction_id(self, position: Position) -> str:
        """Ids sort like event times; letters between the digits keep them from looking like card numbers."""
        return f"t{self.seed}d{position.day:05d}n{position.number:07d}"

    def position(self, transaction_id: str) -> Position | None:
        """Where a payment is; None if the id is not of this bank."""
        found = re.fullmatch(rf"t{self.seed}d(\d{{5}})n(\d{{7}})", transaction_id)
        return Position(int(found[1]), int(found[2])) if found else None

    def pattern(self, transaction_id: str) -> str | None:
        """The truth: the fraud pattern a payment belongs to, None for a genuine one (or one of another bank)."""
        position = self.position(transaction_id)
        if position is None:
            return None
        if position.day not in self._frauds:
            self.day(position.day)
        return self._frauds[position.day].get(position.number)

    def _prepared(self, day: int) -> Payments:
        with self._lock:
            if day not in self._days:
                made = everything(self.population, self._fraudsters, day, self.start + timedelta(days=day))
                self._frauds[day] = {int(one): ORIGINS[made.origin[one]] for one in made.frauds}
                self._days[day] = made
            return self._days[day]
