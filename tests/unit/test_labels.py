"""Labels: who is believed, when enough is known, and what a payment that was stopped can teach."""

import duckdb
import numpy as np
import pytest
from duckdb import DuckDBPyConnection

from pipelines.label import maturity, selection, verdicts

DAY = 86_400_000
TRUST = ("chargeback", "analyst", "cardholder")


def heard(*rows: tuple[str, str, str, int]) -> DuckDBPyConnection:
    """Verdicts: payment, verdict, source, when it was known. Payments took place at time 0."""
    database = duckdb.connect()
    database.execute(
        f"create table {verdicts.VERDICTS} (transaction_id varchar, transaction_ms bigint, verdict varchar, source varchar, "
        "known_ms bigint, signal_id varchar)"
    )
    for number, (payment, verdict, source, known) in enumerate(rows):
        database.execute(
            f"insert into {verdicts.VERDICTS} values (?, 0, ?, ?, ?, ?)",
            [payment, verdict, source, known, f"s{number}"],
        )
    return database


def believed(database: DuckDBPyConnection, at: int = 100) -> dict[str, str]:
    verdicts.believe(database, TRUST, at)
    return dict(database.execute(f"select transaction_id, verdict from {verdicts.BELIEVED}").fetchall())


def test_the_latest_word_of_a_source_counts() -> None:
    database = heard(("a", "fraud", "analyst", 1), ("a", "genuine", "analyst", 2), ("b", "genuine", "analyst", 2))
    assert believed(database) == {"a": "genuine", "b": "genuine"}
    assert believed(database, at=1) == {"a": "fraud"}


def test_a_more_trusted_source_wins_however_late_the_other_speaks() -> None:
    database = heard(
        ("a", "fraud", "chargeback", 1),
        ("a", "genuine", "cardholder", 5),
        ("b", "genuine", "cardholder", 1),
        ("b", "fraud", "analyst", 9),
    )
    assert believed(database) == {"a": "fraud", "b": "fraud"}
    assert believed(database, at=8) == {"a": "fraud", "b": "genuine"}  # the analyst had not spoken


def test_a_late_correction_flows_through() -> None:
    database = heard(("a", "fraud", "chargeback", 1), ("a", "genuine", "chargeback", 60))
    assert believed(database, at=59) == {"a": "fraud"}
    assert believed(database, at=60) == {"a": "genuine"}


def test_who_is_not_trusted_is_not_heard() -> None:
    assert believed(heard(("a", "fraud", "neighbour", 1))) == {}


def test_history_is_kept_beside_what_is_believed() -> None:
    database = heard(("a", "fraud", "cardholder", 1), ("a", "genuine", "analyst", 2), ("b", "fraud", "analyst", 3))
    believed(database)
    found = database.execute(f"select * exclude (transaction_ms) from {verdicts.BELIEVED} order by 1").fetchall()
    assert found == [("a", "genuine", "analyst", 2, 1, 2, 2, True), ("b", "fraud", "analyst", 3, 3, 1, 1, False)]
    assert verdicts.by_source(database) == [
        {"source": "analyst", "frauds": 1, "genuine": 1, "overruled": 0},
        {"source": "cardholder", "frauds": 0, "genuine": 0, "overruled": 1},
    ]


def test_the_curve_corrects_for_frauds_that_are_not_known_yet() -> None:
    chance = np.random.default_rng(2)
    attempted = chance.integers(0, 30 * DAY, 40_000)
    delays = (chance.gamma(4, 2, 40_000) * DAY).astype(np.int64)
    known, now = attempted + delays, 30 * DAY
    seen = known <= now
    curve = maturity.curve(attempted[seen], known[seen], now)
    for day in (3, 7, 14, 21):
        assert curve[day] == pytest.approx((delays <= day * DAY).mean(), abs=0.02)
    assert (delays[seen] <= 7 * DAY).mean() > (delays <= 7 * DAY).mean() + 0.03  # what a plain share would say
    assert curve[-1] == 1
    assert curve == sorted(curve)


def test_mature_is_the_first_day_on_which_enough_is_known() -> None:
    assert maturity.curve(np.zeros(10, dtype=np.int64), np.full(10, 7 * DAY), 30 * DAY) == [0.0] * 7 + [1.0]
    assert maturity.mature_days([0.0, 0.5, 0.96, 1.0], 0.95) == 2
    assert maturity.mature_days([0.0, 0.5, 0.94, 1.0], 0.95) == 3


def outcomes(database: DuckDBPyConnection, rows: str) -> dict[str, tuple[float, float]]:
    verdicts.believe(database, TRUST, 100)
    database.execute(
        f"create table decided as select * from (values {rows}) as t(transaction_id, action, explored, propensity)"
    )
    database.execute("create table paid as select transaction_id from decided union all select 'past'")
    selection.observe(database, "paid", "decided")
    found = database.execute(f"select * from {selection.OUTCOMES}").fetchall()
    return {payment: (label, weight) for payment, label, weight in found}


def test_what_was_stopped_and_never_looked_at_is_not_called_genuine() -> None:
    database = heard(
        ("held", "genuine", "analyst", 1), ("declined", "fraud", "cardholder", 1), ("passed", "fraud", "chargeback", 9)
    )
    found = outcomes(
        database,
        "('held', 'hold', false, 1), ('declined', 'decline', false, 1), ('unseen', 'hold', false, 1), "
        "('silent', 'decline', false, 1), ('passed', 'approve', false, 1), ('quiet', 'challenge', false, 1)",
    )
    assert found == {
        "held": (0, 1), "declined": (1, 1), "passed": (1, 1), "quiet": (0, 1), "past": (0, 1)
    }  # fmt: skip


def test_what_was_let_through_stands_for_what_nobody_looked_at() -> None:
    held = ", ".join(f"('h{n}', 'hold', false, 0.99)" for n in range(99))
    some_seen = heard(*((f"h{n}", "fraud", "analyst", 1) for n in range(33)))
    found = outcomes(some_seen, f"{held}, ('let', 'approve', true, 0.01)")
    assert found["let"] == pytest.approx((0, 100 * 2 / 3))
    assert sum(weight for name, (_, weight) in found.items() if name != "past") == pytest.approx(100, rel=0.01)
    nobody_looks = outcomes(heard(), f"{held}, ('let', 'approve', true, 0.01)")
    assert nobody_looks == {"let": (0, 100), "past": (0, 1)}
    all_seen = heard(*((f"h{n}", "fraud", "analyst", 1) for n in range(99)))
    assert outcomes(all_seen, f"{held}, ('let', 'approve', true, 0.01)")["let"] == (0, 1)
