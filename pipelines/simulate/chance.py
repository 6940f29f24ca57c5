"""Repeatable chance: every draw comes from a seed, a purpose and a day, so any day can be made again by itself."""

import random
from typing import TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]

_BEFORE = 1_000
"""Episodes that began before day 0 still run on day 0; numpy takes no negative seeds."""


def daily(seed: int, purpose: str, day: int = 0) -> np.random.Generator:
    """The source of chance of one purpose on one day."""
    return np.random.default_rng([seed, crc32(purpose.encode()), day + _BEFORE])


def personal(seed: int, *names: str) -> random.Random:
    """The source of chance of one named thing: the same in every process and after every restart."""
    return random.Random("/".join((str(seed), *names)))


def arrivals(rate: float, phase: float, day: int) -> int:
    """How many episodes begin on a day at `rate` a day: evenly spaced, so that small banks see every kind."""
    return int(np.floor((day + 1) * rate + phase) - np.floor(day * rate + phase))


def some(chance: np.random.Generator, count: int, rate: float) -> Ints:
    """About `rate` times `count` of the first `count` numbers."""
    return chance.integers(0, count, chance.poisson(rate * count))


def series(chance: np.random.Generator, count: int, fewest: int, most: int) -> tuple[Ints, Ints]:
    """Rows of `count` series of random length: the series each row belongs to, and its step in it from 0."""
    sizes = chance.integers(fewest, most + 1, count)
    group = np.repeat(np.arange(count), sizes)
    return group, np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def elapsed(step: Ints, gaps: Floats) -> Floats:
    """Time since the first row of each series, from the gap before each row."""
    total = np.cumsum(gaps)
    first = np.flatnonzero(step == 0)
    return total - np.repeat(total[first], np.diff(np.append(first, len(step))))


def factors(chance: np.random.Generator, count: int, median: float, spread: float) -> Floats:
    """Multipliers around a median; `spread` is the sigma of their logarithm."""
    return np.asarray(median * np.exp(chance.normal(0, spread, count)), dtype=np.float64)


def scramble(number: int) -> str:
    """Twelve hexadecimal digits that look like a token: a bijection on 48 bits, and too short for a card number."""
    mixed = number * 0x9E3779B97F4B & 0xFFFFFFFFFFFF
    mixed ^= mixed >> 24
    return f"{mixed * 0xD1B54A32D193 & 0xFFFFFFFFFFFF:012x}"
