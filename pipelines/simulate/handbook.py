"""The simulator of the Fraud Detection Handbook, from its published description.

Le Borgne, Siblini, Lebichot, Bontempi: Reproducible Machine Learning for Credit Card Fraud Detection, chapter 3 (2022).
Customers and terminals lie on a square of 100 by 100; a customer pays at terminals within a radius. Three scenarios make
frauds: amounts that are too large, terminals that were compromised, customers whose credentials leaked.
"""

from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import UsageError
from pipelines.simulate.chance import Floats, Ints

LARGE: Final = 220.0
"""Scenario 1: every amount above it is fraud."""
TERMINALS_A_DAY, TERMINAL_DAYS = 2, 28
"""Scenario 2: so many terminals are compromised each day, for so many days; all payments there are fraud."""
CUSTOMERS_A_DAY, CUSTOMER_DAYS, FACTOR = 3, 14, 5
"""Scenario 3: so many customers each day, for so many days; a third of their payments are that many times as large."""

_DAY_SECONDS = 86_400
_SIDE = 100.0
_SCHEMA: Final = pa.schema(
    {
        "TRANSACTION_ID": pa.int32(),
        "TX_DATETIME": pa.timestamp("us"),
        "CUSTOMER_ID": pa.int32(),
        "TERMINAL_ID": pa.int32(),
        "TX_AMOUNT": pa.float64(),
        "TX_FRAUD": pa.int8(),
        "TX_FRAUD_SCENARIO": pa.int8(),
    }
)


class Size(NamedTuple):
    """How large the world is. `radius` in units of a square of 100 by 100."""

    customers: int = 5_000
    terminals: int = 10_000
    days: int = 183
    radius: float = 5.0


PUBLISHED: Final = Size()
"""The size of the published data set."""


class Payments(NamedTuple):
    """Payments as columns, by time. `seconds` count from the first midnight, `amount` is in major units."""

    seconds: Ints
    customer: Ints
    terminal: Ints
    amount: Floats
    scenario: Ints


def write_handbook(seed: int, file: Path, start: datetime, size: Size = PUBLISHED) -> int:
    """Write simulated payments as Parquet, in the columns of the published data set. Returns how many there are.

    TRANSACTION_ID, TX_DATETIME (from `start`), CUSTOMER_ID, TERMINAL_ID, TX_AMOUNT, TX_FRAUD (0 or 1) and TX_FRAUD_SCENARIO
    (0: genuine).

    Raises:
        UsageError: there are fewer customers or terminals than the scenarios draw in a day.
    """
    if size.customers < CUSTOMERS_A_DAY or size.terminals < TERMINALS_A_DAY:
        raise UsageError(
            f"the scenarios need {CUSTOMERS_A_DAY} customers and {TERMINALS_A_DAY} terminals at least, got {size}"
        )
    chance = np.random.default_rng(seed)
    made = compromise(chance, payments(chance, size), size)
    times = np.datetime64(start.replace(tzinfo=None), "us") + made.seconds.astype("timedelta64[s]")
    columns = (
        np.arange(len(times)),
        times,
        made.customer,
        made.terminal,
        made.amount,
        made.scenario > 0,
        made.scenario,
    )
    arrays = [pa.array(column).cast(field.type) for column, field in zip(columns, _SCHEMA, strict=True)]
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_arrays(arrays, schema=_SCHEMA), file)
    return len(times)


def payments(chance: np.random.Generator, size: Size) -> Payments:
    """Genuine payments: Poisson counts a day, times around noon, amounts around each customer's mean."""
    place, terminals = chance.uniform(0, _SIDE, (size.customers, 2)), chance.uniform(0, _SIDE, (size.terminals, 2))
    mean = chance.uniform(5, 100, size.customers)
    a_day = chance.uniform(0, 4, size.customers)
    parts = []
    for customer in range(size.customers):
        near = np.flatnonzero(((terminals - place[customer]) ** 2).sum(axis=1) < size.radius**2)
        day = np.repeat(np.arange(size.days), chance.poisson(a_day[customer], size.days))
        time = chance.normal(_DAY_SECONDS / 2, 20_000, len(day)).astype(np.int64)
        day, time = (column[(time > 0) & (time < _DAY_SECONDS)] for column in (day, time))
        if len(near):
            amount = _amounts(chance, mean[customer], len(day))
            where = chance.choice(near, len(day))
            parts.append((day * _DAY_SECONDS + time, np.full(len(day), customer), where, amount))
    seconds, customers, where, amounts = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(seconds, kind="stable")
    return Payments(seconds[order], customers[order], where[order], amounts[order], np.zeros(len(order), np.int64))


def compromise(chance: np.random.Generator, made: Payments, size: Size) -> Payments:
    """The three scenarios, one after the other: a later one has the last word about a payment."""
    amount, scenario = made.amount.copy(), np.where(made.amount > LARGE, 1, 0)
    for day in range(size.days):
        within = _span(made, day, TERMINAL_DAYS)
        hit = np.isin(made.terminal[within], chance.choice(size.terminals, TERMINALS_A_DAY, replace=False))
        scenario[within][hit] = 2
    for day in range(size.days):
        within = _span(made, day, CUSTOMER_DAYS)
        owned = np.flatnonzero(
            np.isin(made.customer[within], chance.choice(size.customers, CUSTOMERS_A_DAY, replace=False))
        )
        third = chance.choice(owned, len(owned) // 3, replace=False)
        amount[within][third] *= FACTOR
        scenario[within][third] = 3
    return made._replace(amount=np.round(amount, 2), scenario=scenario)


def _amounts(chance: np.random.Generator, mean: float, count: int) -> Floats:
    amount: Floats = chance.normal(mean, mean / 2, count)
    amount[amount < 0] = chance.uniform(0, 2 * mean, int((amount < 0).sum()))
    return amount.round(2)


def _span(made: Payments, day: int, days: int) -> slice:
    first, end = np.searchsorted(made.seconds, (day * _DAY_SECONDS, (day + days) * _DAY_SECONDS))
    return slice(int(first), int(end))
