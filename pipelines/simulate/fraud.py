"""What fraudsters do: six patterns with known ground truth, and how often each of them begins."""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from pipelines.simulate.chance import arrivals, daily
from pipelines.simulate.intrusion import account_takeover, card_testing, low_and_slow
from pipelines.simulate.payments import DAY_MS, Payments, together
from pipelines.simulate.population import Population
from pipelines.simulate.theft import compromised_merchant, far_from_home, stolen_card


class Pattern(NamedTuple):
    """A pattern: its share of all frauds, payments an episode has on average, days an episode lasts at most."""

    episodes: Callable[[Population, np.random.Generator, int, int], Payments]
    share: float
    payments: float
    days: int


PATTERNS: Final = {
    "stolen_card": Pattern(stolen_card, 0.21, 7.0, 2),
    "far_from_home": Pattern(far_from_home, 0.12, 2.0, 2),
    "card_testing": Pattern(card_testing, 0.16, 19.5, 2),
    "compromised_merchant": Pattern(compromised_merchant, 0.18, 22.0, 21),
    "account_takeover": Pattern(account_takeover, 0.20, 3.5, 3),
    "low_and_slow": Pattern(low_and_slow, 0.13, 12.0, 46),
}
FRAUD_SHARE: Final = 0.008
"""Frauds of all payments."""


class Fraudsters:
    """Frauds of any day, made from the episodes that began on it or before it."""

    def __init__(self, population: Population, payments_a_day: float) -> None:
        """Let loose on a population that makes so many payments a day."""
        self._population = population
        self._frauds_a_day = payments_a_day * FRAUD_SHARE
        self._begun: dict[tuple[str, int], Payments] = {}

    def on(self, day: int) -> Payments:
        """The fraudulent payments of a day, in no order."""
        from_ms = day * DAY_MS
        return together(
            [
                self._beginning(name, start).between(from_ms, from_ms + DAY_MS)
                for name, pattern in PATTERNS.items()
                for start in range(day - pattern.days + 1, day + 1)
            ]
        )

    def _beginning(self, name: str, day: int) -> Payments:
        """Everything that comes of the episodes of one pattern that begin on one day."""
        if (name, day) not in self._begun:
            pattern, seed = PATTERNS[name], self._population.seed
            rate = self._frauds_a_day * pattern.share / pattern.payments
            count = arrivals(rate, daily(seed, name + " phase").random(), day)
            self._begun[name, day] = pattern.episodes(self._population, daily(seed, name, day), day, count)
            self._begun.pop((name, day - pattern.days), None)
        return self._begun[name, day]
