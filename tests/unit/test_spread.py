"""Distances of distributions against numbers worked out by hand, and how much of them is chance."""

from math import log, log2

import numpy as np
import pytest

from pipelines import spread
from pipelines.spread import Spread

CARDS = np.arange(4000) % 400


def values(seed: int, shift: float = 0.0) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(seed).normal(shift, 1, len(CARDS))


def past(made: np.ndarray) -> Spread:  # type: ignore[type-arg]
    return spread.of_past(made, np.arange(len(made)) >= len(made) // 2, CARDS)


def test_distances_are_those_of_their_definitions() -> None:
    one, other = (99.5, 299.5), (199.5, 199.5)  # with a half added: 1/4 and 3/4, 1/2 and 1/2
    assert spread.psi(one, other) == pytest.approx(-0.25 * log(0.5) + 0.25 * log(1.5))
    middle = (0.375, 0.625)
    defined = 0.5 * (
        0.25 * log2(0.25 / middle[0]) + 0.75 * log2(0.75 / middle[1]) + sum(0.5 * log2(0.5 / m) for m in middle)
    )
    assert spread.jensen_shannon(one, other) == pytest.approx(defined)
    assert spread.psi(one, one) == spread.jensen_shannon(one, one) == 0
    assert spread.jensen_shannon((1e9, 0), (0, 1e9)) == pytest.approx(1)


def test_unknown_values_have_a_bin_of_their_own() -> None:
    made = values(1)
    made[:1000] = np.nan
    found = past(made)
    assert (found.unknown, sum(found.counts), len(found.counts)) == (0.25, 4000, 11)
    assert spread.like(found, np.full(10, np.nan), CARDS[:10]).unknown == 1
    assert spread.of_past(np.full(4, np.nan), np.arange(4) > 1, CARDS[:4]).counts == (0, 4)


def test_few_distinct_values_have_a_bin_each() -> None:
    found = past(np.where(values(1) > 0, 1.0, 0.0))
    assert len([count for count in found.counts if count]) == 2


def test_another_sample_of_the_same_is_within_chance_and_a_shift_is_not() -> None:
    before = past(values(1))
    for seed in range(2, 22):
        same = spread.like(before, values(seed), CARDS)
        assert spread.psi(before.counts, same.counts) < spread.chance(before, same)
    moved = spread.like(before, values(30, shift=0.3), CARDS)
    assert spread.psi(before.counts, moved.counts) > spread.chance(before, moved)


def test_what_is_the_same_for_a_card_counts_once_a_card() -> None:
    habits = np.random.default_rng(3).normal(0, 1, 400)
    assert past(values(1)).independent > 3500
    assert past(habits[CARDS]).independent == 400
    assert 400 < past(habits[CARDS] + values(1)).independent < 1500


def test_what_moves_within_the_past_has_a_habit_of_moving() -> None:
    growing = np.arange(len(CARDS)) / 1000 + values(1)
    assert past(growing).own_psi > 1 > 0.1 > past(values(1)).own_psi
