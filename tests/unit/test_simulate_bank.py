import re
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import Any

import numpy as np
import pytest

from pipelines.errors import UsageError
from pipelines.schemas import CHANNELS, ENTRY_MODES, TRANSACTION
from pipelines.simulate.bank import Bank, Position
from pipelines.simulate.payments import DAY_MS, FRAUDULENT
from pipelines.simulate.spoil import TEST_NUMBER

START = datetime(2026, 3, 1, tzinfo=UTC)
PYTHON_TYPES = {"string": str, "bigint": int, "double": float}


def a_bank(seed: int = 7, cards: int = 200) -> Bank:
    return Bank(seed, cards, 2.0, START)


def records(bank: Bank, days: int) -> list[dict[str, Any]]:
    return list(bank.payments(Position(0, 0), days))


def is_card_number(digits: str) -> bool:
    doubled = [sum(divmod(int(digit) * 2, 10)) if place % 2 else int(digit) for place, digit in enumerate(digits[::-1])]
    return 13 <= len(digits) <= 19 and sum(doubled) % 10 == 0


def test_the_same_seed_gives_the_same_payments() -> None:
    assert records(a_bank(), 3) == records(a_bank(), 3)
    assert records(a_bank(), 1) != records(a_bank(seed=8), 1)


def test_a_day_does_not_depend_on_the_days_made_before() -> None:
    straight, walked = a_bank(), a_bank()
    for day in range(30):
        walked.day(day)
    assert straight.columns(30) == walked.columns(30)


def test_a_forgotten_day_comes_back_the_same() -> None:
    bank = a_bank()
    before = bank.columns(5)
    bank.forget(6)
    assert bank.columns(5) == before


def test_payments_go_on_in_the_middle_of_a_day() -> None:
    everything = records(a_bank(), 3)
    position = a_bank().position(everything[700]["transaction_id"])
    assert position is not None
    assert list(a_bank().payments(position, 3)) == everything[700:]


def test_payments_do_not_end_by_themselves() -> None:
    first_day = len(a_bank().day(0))
    assert len(list(islice(a_bank().payments(Position(0, 0)), 3 * first_day))) == 3 * first_day


def test_preparing_makes_the_days_that_will_be_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    bank = a_bank()
    bank.prepare(Position(2, 100), 1_000)
    made = []
    monkeypatch.setattr("pipelines.simulate.bank.everything", lambda *arguments: made.append(arguments[2]))
    assert sum(len(bank.day(day)) for day in (2, 3, 4)) > 1_100
    assert made == []


def test_event_times_and_ids_rise_together() -> None:
    listed = records(a_bank(), 4)
    times, ids = [one["event_time"] for one in listed], [one["transaction_id"] for one in listed]
    assert times == sorted(times)
    assert ids == sorted(set(ids))
    assert times[0] >= "2026-03-01T00:00:00.000Z"
    assert times[-1] < "2026-03-05T00:00:00.000Z"


def test_records_are_what_the_schema_says() -> None:
    fields = {field.name: field for field in TRANSACTION}
    for record in records(a_bank(), 5):
        assert {name for name, field in fields.items() if field.required} <= record.keys() <= fields.keys()
        assert all(type(value) is PYTHON_TYPES[fields[name].type] for name, value in record.items()), record
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["event_time"])
        assert record["amount_minor"] > 0
        assert record["channel"] in CHANNELS
        assert record["entry_mode"] in ENTRY_MODES
        assert len(record["transaction_id"]) <= 64


def test_nothing_looks_like_a_card_number() -> None:
    assert is_card_number(TEST_NUMBER)
    texts = {value for record in records(a_bank(cards=2_000), 5) for value in record.values() if isinstance(value, str)}
    runs = [run for text in texts for run in re.findall(r"\d+", text)]
    assert runs
    assert not [run for run in runs if is_card_number(run)]


def test_the_truth_is_kept_apart() -> None:
    bank = a_bank()
    listed = records(bank, 20)
    patterns = {bank.pattern(record["transaction_id"]) for record in listed}
    assert None in patterns
    assert patterns - {None} <= set(FRAUDULENT)
    assert len(patterns) > 2
    assert not [record for record in listed if set(map(str, record.values())) & set(FRAUDULENT)]


def test_the_truth_of_a_day_can_be_asked_before_it_is_made() -> None:
    bank = a_bank()
    known = {one: bank.pattern(one) for one in bank.columns(9)["transaction_id"]}
    assert any(known.values())
    fresh = a_bank()
    assert {one: fresh.pattern(one) for one in known} == known


def test_payments_of_others_are_not_known() -> None:
    assert a_bank().position("t8d00000n0000001") is None
    assert a_bank().position("t7d00000n0000001x") is None
    assert a_bank().pattern("somebody else's") is None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_as_many_payments_and_frauds_as_asked_for(seed: int) -> None:
    bank = Bank(seed, 1_000, 2.0, START)
    days = [bank.day(day) for day in range(60)]
    payments = sum(map(len, days))
    assert payments == pytest.approx(120_000, rel=0.05)
    assert 0.006 < sum(len(day.frauds) for day in days) / payments < 0.010


def test_activity_can_be_thin() -> None:
    bank = Bank(1, 20_000, 0.05, START)
    days = [bank.day(day) for day in range(20)]
    assert sum(map(len, days)) == pytest.approx(20_000, rel=0.05)
    assert 0.004 < sum(len(day.frauds) for day in days) / 20_000 < 0.012


def test_weekends_and_christmas_are_busy() -> None:
    bank = Bank(1, 1_000, 2.0, datetime(2026, 11, 1, tzinfo=UTC))
    sizes = {START.replace(year=2026, month=11) + timedelta(days=day): len(bank.day(day)) for day in range(50)}
    by_weekday = [np.mean([size for date, size in sizes.items() if date.weekday() == weekday]) for weekday in range(7)]
    assert np.argmax(by_weekday) == 5
    before, after = (
        np.mean([size for date, size in sizes.items() if (date >= datetime(2026, 11, 20, tzinfo=UTC)) == late])
        for late in (False, True)
    )
    assert after > 1.15 * before


def test_days_hold_only_their_own_payments() -> None:
    bank = a_bank()
    for day in (0, 17, 45):
        assert set(bank.day(day).at_ms // DAY_MS) == {day}


@pytest.mark.parametrize(
    ("seed", "cards", "a_day", "start"),
    [
        (-1, 10, 2.0, START),
        (100_000, 10, 2.0, START),
        (1, 0, 2.0, START),
        (1, 10, 0.0, START),
        (1, 10, 2.0, START.replace(tzinfo=None)),
        (1, 10, 2.0, START + timedelta(hours=1)),
        (1, 10, 2.0, START.replace(tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_impossible_banks_are_refused(seed: int, cards: int, a_day: float, start: datetime) -> None:
    with pytest.raises(UsageError):
        Bank(seed, cards, a_day, start)
