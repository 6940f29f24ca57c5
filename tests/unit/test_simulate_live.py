import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import UsageError
from pipelines.simulate.live import run
from pipelines.simulate.outbox import Outbox
from pipelines.simulate.pace import Pace
from pipelines.simulate.plan import Plan
from pipelines.simulate.spoil import DEFECTS, TEST_NUMBER, Mishaps
from pipelines.simulate.teller import Teller

PAYMENT = {
    "transaction_id": "t7d00001n0000001",
    "card_id": "card-a",
    "merchant_id": "grocery-1",
    "amount_minor": 1_200,
    "currency": "EUR",
    "event_time": "2026-03-01T00:00:00.000Z",
}


class Shelf(Outbox):
    """An outbox that keeps what it is given."""

    def __init__(self, room: int = 1_000) -> None:
        self.kept: list[tuple[str, str | None, bytes]] = []
        self.room = room

    @property
    def full(self) -> bool:
        return len(self.kept) >= self.room

    def put(self, topic: str, key: str | None, value: bytes) -> None:
        self.kept.append((topic, key, value))


def payments(count: int) -> list[dict[str, Any]]:
    return [{**PAYMENT, "transaction_id": f"t7d00001n{number:07d}"} for number in range(count)]


def a_teller(shelf: Shelf, pace: Pace, count: int = 100, bad: float = 0, repeat: float = 0) -> Teller:
    return Teller(iter(payments(count)), pace, shelf, Mishaps(7, bad, repeat))


def test_the_schedule_does_not_wait_for_the_sender() -> None:
    pace = Pace(10, 100.0)
    assert list(pace.due(99.9)) == []
    assert list(pace.due(100.25)) == pytest.approx([100.0, 100.1, 100.2])
    assert list(pace.due(100.55)) == pytest.approx([100.3, 100.4, 100.5])
    assert pace.next == pytest.approx(100.6)


def test_a_long_delay_is_caught_up_in_rounds() -> None:
    pace = Pace(1_000, 0.0)
    first, second = list(pace.due(2.0)), list(pace.due(2.0))
    assert len(first) == len(second) == 500
    assert second[0] == pytest.approx(0.5)


def test_a_pause_moves_the_schedule() -> None:
    pace = Pace(10, 100.0)
    list(pace.due(100.05))
    pace.resume(200.0)
    assert list(pace.due(200.15)) == pytest.approx([200.0, 200.1])
    pace.resume(100.0)
    assert pace.next == pytest.approx(200.2)


def test_the_intended_time_is_in_the_record_and_the_card_is_the_key() -> None:
    shelf = Shelf()
    a_teller(shelf, Pace(10, 100.0)).send(100.15)
    assert [(topic, key) for topic, key, _ in shelf.kept] == [("transactions", "card-a")] * 2
    assert [json.loads(value)["sent_at_ms"] for _, _, value in shelf.kept] == [100_000, 100_100]
    assert json.loads(shelf.kept[0][2]) == {**payments(1)[0], "sent_at_ms": 100_000}


def test_the_teller_knows_the_simulated_time_and_its_end() -> None:
    teller = a_teller(Shelf(), Pace(10, 100.0), count=2)
    assert (teller.simulated_ms, teller.finished) == (0, False)
    teller.send(100.15)
    assert (teller.simulated_ms, teller.finished) == (datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000, False)
    teller.send(100.25)
    assert teller.finished


def test_a_full_outbox_pauses_the_bank_and_nothing_is_lost() -> None:
    shelf = Shelf(room=3)
    teller = a_teller(shelf, Pace(10, 100.0))
    teller.send(100.25)
    teller.send(150.0)
    assert len(shelf.kept) == 3
    shelf.room = 100
    teller.send(150.05)
    ids = [json.loads(value)["transaction_id"] for _, _, value in shelf.kept]
    assert ids == [payment["transaction_id"] for payment in payments(4)]
    assert json.loads(shelf.kept[3][2])["sent_at_ms"] == 150_000


def test_mishaps_come_on_top_and_are_counted() -> None:
    shelf = Shelf(10_000)
    teller = a_teller(shelf, Pace(1e6, 0.0), count=500, bad=0.1, repeat=0.05)
    teller.send(1.0)
    good = [record for record in shelf.kept if b'"transaction_id": "t7d00001n' in record[2] and b'x"' not in record[2]]
    repeated = [value for value, count in Counter(value for _, _, value in good).items() if count > 1]
    assert 25 < teller.bad < 80
    assert 10 < teller.repeated < 50
    assert len(shelf.kept) == 500 + teller.bad + teller.repeated
    assert repeated
    assert all(key != TEST_NUMBER for _, key, _ in shelf.kept)


def test_without_shares_there_are_no_mishaps() -> None:
    mishaps = Mishaps(7, 0, 0)
    assert not any(mishaps.bad(payment) or mishaps.repeat("card-a", b"") for payment in payments(2_000))


def test_mishaps_are_the_same_for_the_same_seed() -> None:
    made = []
    for seed in (7, 7, 8):
        mishaps = Mishaps(seed, 0.2, 0.2)
        made.append([mishaps.bad(payment) for payment in payments(50)])
    assert made[0] == made[1] != made[2]
    assert any(made[0])


@pytest.mark.parametrize("name", DEFECTS)
def test_every_defect_makes_a_payment_that_cannot_be_admitted(name: str) -> None:
    spoiled = DEFECTS[name](dict(PAYMENT))
    try:
        record = json.loads(spoiled)
    except ValueError:
        return
    whole = PAYMENT.keys() <= record.keys()
    sound = record.get("amount_minor", 0) > 0 and record.get("event_time") == PAYMENT["event_time"]
    assert not (whole and sound and record["card_id"] == "card-a")


def test_a_bad_copy_has_an_id_of_its_own() -> None:
    mishaps = Mishaps(7, 1.0, 0)
    for payment in payments(200):
        spoiled = mishaps.bad(payment)
        assert spoiled
        assert payment["transaction_id"] + '"' not in spoiled.decode()


def test_a_plan_ends_at_the_first_of_its_limits() -> None:
    assert Plan(50).payments is None
    assert Plan(50, count=100).payments == 100
    assert Plan(50, seconds=1.5).payments == 75
    assert Plan(50, count=100, seconds=1.5).payments == 75


@pytest.mark.parametrize(
    "wrong", [{"rate": 0}, {"rate": -1}, {"rate": 1, "bad_share": 1.0}, {"rate": 1, "repeat_share": -0.1}]
)
def test_impossible_plans_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Plan(**wrong)  # type: ignore[arg-type]


def test_a_bank_that_cannot_start_says_so_in_its_status(tmp_path: Path) -> None:
    status = tmp_path / "status" / "bank.json"
    with pytest.raises(UsageError, match="no whole history"):
        run(tmp_path / "nothing", "127.0.0.1:1", status, Plan(50), lambda: False)
    assert json.loads(status.read_text())["state"] == "failed"
    assert list(status.parent.iterdir()) == [status]
