from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipelines.errors import UsageError
from pipelines.simulate.handbook import (
    CUSTOMER_DAYS,
    FACTOR,
    LARGE,
    TERMINAL_DAYS,
    Payments,
    Size,
    compromise,
    payments,
    write_handbook,
)

SMALL = Size(customers=300, terminals=400, days=60, radius=20)
DAY = 86_400


@pytest.fixture(scope="module")
def before_and_after() -> tuple[Payments, Payments]:
    chance = np.random.default_rng(1)
    before = payments(chance, SMALL)
    return before, compromise(chance, before, SMALL)


def test_counts_times_and_amounts_follow_the_description(before_and_after: tuple[Payments, Payments]) -> None:
    made = before_and_after[0]
    assert len(made.seconds) / (SMALL.customers * SMALL.days) == pytest.approx(2, rel=0.1)
    assert np.all(np.diff(made.seconds) >= 0)
    assert np.median(made.seconds % DAY) == pytest.approx(DAY / 2, rel=0.02)
    assert np.std(made.seconds % DAY) == pytest.approx(18_000, rel=0.06)
    means = np.array(
        [made.amount[made.customer == one].mean() for one in range(300) if (made.customer == one).sum() > 20]
    )
    assert means.min() > 3
    assert 90 < means.max() < 115
    assert made.amount.min() >= 0


def test_customers_pay_only_at_terminals_within_the_radius() -> None:
    near, far = (payments(np.random.default_rng(1), SMALL._replace(radius=radius)) for radius in (5, 200))
    per_customer = [max(len(set(made.terminal[made.customer == one])) for one in range(300)) for made in (near, far)]
    assert per_customer[0] < 20 < per_customer[1]


def test_every_amount_above_the_limit_is_fraud(before_and_after: tuple[Payments, Payments]) -> None:
    before, after = before_and_after
    assert np.any(before.amount > LARGE)
    assert np.all(after.scenario[before.amount > LARGE] > 0)
    assert np.all(after.amount[after.scenario == 1] > LARGE)


def test_compromised_terminals_are_fraudulent_for_four_weeks(before_and_after: tuple[Payments, Payments]) -> None:
    after = before_and_after[1]
    hit = after.scenario == 2
    days = after.seconds // DAY
    terminals = set(after.terminal[hit])
    assert len(terminals) > 60
    for terminal in terminals:
        own = after.terminal == terminal
        first = days[own & hit].min()
        window = own & (days >= first) & (days < min(first + TERMINAL_DAYS, SMALL.days))
        assert np.all(after.scenario[window] > 0) or len(set(days[window & ~hit])) < TERMINAL_DAYS
    assert np.all(after.amount[hit] == before_and_after[0].amount[hit])


def test_leaked_customers_pay_five_times_as_much_in_a_third_of_their_payments(
    before_and_after: tuple[Payments, Payments],
) -> None:
    before, after = before_and_after
    hit = after.scenario == 3
    factor = after.amount[hit & (before.amount > 0)] / before.amount[hit & (before.amount > 0)]
    powers = np.log(factor) / np.log(FACTOR)
    assert np.allclose(powers, np.round(powers), atol=0.01)
    assert np.all(powers > 0.99)
    assert np.mean(powers < 1.01) > 0.8
    assert np.all(after.amount[after.scenario < 3] == before.amount[after.scenario < 3])
    rate = hit.sum() / (2 * 3 * SMALL.days * CUSTOMER_DAYS)
    assert 0.25 < rate < 0.35


def test_the_file_has_the_published_columns(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "handbook.parquet"
    count = write_handbook(1, file, datetime(2018, 4, 1), SMALL)
    table = pq.read_table(file)
    assert table.num_rows == count
    assert {name: str(table.schema.field(name).type) for name in table.column_names} == {
        "TRANSACTION_ID": "int32",
        "TX_DATETIME": "timestamp[us]",
        "CUSTOMER_ID": "int32",
        "TERMINAL_ID": "int32",
        "TX_AMOUNT": "double",
        "TX_FRAUD": "int8",
        "TX_FRAUD_SCENARIO": "int8",
    }
    columns = {name: table.column(name).to_numpy() for name in table.column_names}
    assert np.all((columns["TX_FRAUD_SCENARIO"] > 0) == columns["TX_FRAUD"])
    assert np.all(columns["TRANSACTION_ID"] == np.arange(count))
    assert np.all(np.diff(columns["TX_DATETIME"]) >= np.timedelta64(0))
    assert columns["TX_DATETIME"][0] >= np.datetime64("2018-04-01")


def test_the_same_seed_writes_the_same_file(tmp_path: Path) -> None:
    size = SMALL._replace(days=5)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_handbook(seed, tmp_path / name, datetime(2018, 4, 1), size)
    a, b, c = (pq.read_table(tmp_path / name) for name in "abc")
    assert a.equals(b)
    assert not a.equals(c)


def test_too_small_a_world_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="3 customers"):
        write_handbook(1, tmp_path / "x", datetime(2018, 4, 1), SMALL._replace(customers=2))
