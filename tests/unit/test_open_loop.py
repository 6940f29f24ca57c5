import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines import status
from pipelines.simulate import open_loop
from pipelines.simulate.open_loop import Event, OpenLoop
from pipelines.simulate.outbox import Outbox


class Shelf(Outbox):
    """An outbox that keeps what it is given and has every answer at once."""

    def __init__(self, room: int = 10_000) -> None:
        from collections import Counter

        self.kept: list[tuple[str, str | None, dict[str, Any]]] = []
        self.room, self.trouble, self.closed = room, "", False
        self.sent, self.acknowledged, self.failed = Counter[str](), Counter[str](), Counter[str]()

    @property
    def full(self) -> bool:
        return len(self.kept) >= self.room

    def put(self, topic: str, key: str | None, value: bytes) -> None:
        self.kept.append((topic, key, json.loads(value)))
        self.sent[topic] += 1
        self.acknowledged[topic] += 1

    def poll(self) -> None:
        pass

    def close(self, seconds: float) -> None:
        self.closed = True


def payment(number: int) -> Event:
    return "transactions", {"transaction_id": f"t{number}", "card_id": "c1", "event_time": f"2024-01-0{number}"}


def verdict(number: int) -> Event:
    return "signals", {"signal_id": f"s{number}", "card_id": "c2"}


def events(*chosen: Event) -> Iterator[Event]:
    return iter(chosen)


def ids(shelf: Shelf) -> list[str]:
    return [record.get("transaction_id") or record["signal_id"] for _, _, record in shelf.kept]


def test_signals_go_right_before_the_payment_that_follows_and_take_no_turn() -> None:
    shelf = Shelf()
    loop = OpenLoop(events(payment(1), verdict(1), verdict(2), payment(2), payment(3)), 10, shelf, 100.0)
    loop.send(100.05)
    assert ids(shelf) == ["t1"]
    loop.send(100.15)
    assert ids(shelf) == ["t1", "s1", "s2", "t2"]
    assert [(topic, key) for topic, key, _ in shelf.kept[:2]] == [("transactions", "c1"), ("signals", "c2")]
    assert "sent_at_ms" not in shelf.kept[1][2]
    assert not loop.finished


def test_a_late_payment_keeps_its_intended_time_and_its_event_time() -> None:
    shelf = Shelf()
    loop = OpenLoop(events(payment(1), payment(2), payment(3)), 10, shelf, 100.0)
    loop.send(107.0)
    assert [record["sent_at_ms"] for _, _, record in shelf.kept] == [100_000, 100_100, 100_200]
    assert shelf.kept[2][2]["event_time"] == "2024-01-03"
    assert loop.finished
    assert loop.facts()["simulated_time"] == "2024-01-03"


def test_a_broker_that_is_away_does_not_move_the_schedule() -> None:
    shelf = Shelf(room=1)
    loop = OpenLoop(events(payment(1), payment(2), payment(3)), 10, shelf, 100.0)
    loop.send(100.05)
    loop.send(130.0)
    assert ids(shelf) == ["t1"]
    shelf.room = 10
    loop.send(160.0)
    assert [record["sent_at_ms"] for _, _, record in shelf.kept] == [100_000, 100_100, 100_200]


def test_it_runs_to_the_end_and_says_what_was_sent(tmp_path: Path) -> None:
    shelf, said = Shelf(), tmp_path / "status" / "it.json"
    open_loop.run(events(payment(1), verdict(1), payment(2)), 1_000, shelf, said, lambda: False)
    facts = status.look(said)
    assert (facts["state"], facts["sent"], facts["acknowledged"], facts["verdicts"]) == ("stopped", 2, 2, 1)
    assert facts["began"] * 1000 == pytest.approx(shelf.kept[0][2]["sent_at_ms"], abs=1)
    assert shelf.closed


def test_it_stops_when_it_is_told_to(tmp_path: Path) -> None:
    shelf, turns = Shelf(), iter([False, True])
    endless = (payment(1) for _ in iter(int, 1))
    open_loop.run(endless, 0.001, shelf, tmp_path / "it.json", lambda: next(turns))
    assert ids(shelf) == ["t1"]


def test_of_nothing_nothing_is_sent(tmp_path: Path) -> None:
    shelf = Shelf()
    open_loop.run(events(), 10, shelf, tmp_path / "it.json", lambda: False)
    assert status.look(tmp_path / "it.json")["sent"] == 0
