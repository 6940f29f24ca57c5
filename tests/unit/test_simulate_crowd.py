from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.errors import UsageError
from pipelines.schemas import CHANNELS, ENTRY_MODES, SIGNAL, TRANSACTION, names
from pipelines.simulate import load
from pipelines.simulate.crowd import Crowd, number, transaction_id

CROWD = Crowd(cards=1_000, start_ms=1_700_000_000_000)


def test_every_payment_is_a_payment_of_the_schema() -> None:
    required = {field.name for field in TRANSACTION if field.required}
    for payment in CROWD.payments(0, 2_000):
        assert required <= payment.keys() <= set(names(TRANSACTION))
        assert payment["amount_minor"] > 0
        assert payment["channel"] in CHANNELS
        assert payment["entry_mode"] in ENTRY_MODES
        assert ("device_id" in payment) == (payment["channel"] == "online") == ("latitude" not in payment)


def test_payments_are_numbered_whatever_the_part_that_is_asked_for() -> None:
    payments = [*CROWD.payments(0, 700), *CROWD.payments(700, 50)]
    assert [number(payment["transaction_id"]) for payment in payments] == list(range(750))
    assert [payment["transaction_id"] for payment in CROWD.payments(700, 50)] == [
        payment["transaction_id"] for payment in payments[700:]
    ]


def test_event_times_follow_the_cards_and_not_the_rate() -> None:
    times = [payment["event_time"] for payment in CROWD.payments(0, 2_001)]
    assert (times[0], times[-1]) == ("2023-11-14T22:13:20.000Z", "2023-11-15T22:13:20.000Z")
    assert times == sorted(times)


def test_only_the_crowds_own_payments_have_numbers() -> None:
    assert number(transaction_id(7)) == 7
    assert [number(other) for other in (transaction_id(-7), "t7d00001n0000001", "load-", "load-x")] == [None] * 4


def test_a_few_merchants_see_much_of_the_traffic_and_most_see_some() -> None:
    counts = Counter(payment["merchant_id"] for payment in CROWD.payments(0, 20_000))
    (_, most), *_ = counts.most_common(1)
    assert 0.005 < most / 20_000 < 0.05
    assert len(counts) > 3_000


def test_the_past_is_whole_in_order_and_ends_where_the_present_begins(tmp_path: Path) -> None:
    CROWD.write_past(3, tmp_path)
    table = pq.read_table(tmp_path / "transactions.parquet")
    assert table.column_names == names(TRANSACTION)
    assert set(Counter(table["card_id"].to_pylist()).values()) == {3}
    assert len(set(table["transaction_id"].to_pylist())) == 3_000
    times = table["event_time"].to_pylist()
    assert times == sorted(times)
    assert times[-1] < next(CROWD.payments(0, 1))["event_time"]
    assert pq.read_schema(tmp_path / "signals.parquet").names == names(SIGNAL)


@pytest.mark.parametrize(("cards", "first", "rate"), [(0, 0, 1.0), (1, -1, 1.0), (1, 0, 0.0)])
def test_an_impossible_load_is_refused(tmp_path: Path, cards: int, first: int, rate: float) -> None:
    with pytest.raises(UsageError, match="no such load"):
        load.run(Crowd(cards, 0), first, 10, rate, "127.0.0.1:1", tmp_path / "load.json", lambda: True)
