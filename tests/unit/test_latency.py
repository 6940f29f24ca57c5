from pathlib import Path

import numpy as np

from pipelines.monitor import chart
from pipelines.monitor.latency import Course, longest_pause, standstills


def a_course(count: int = 3_000, gap_ms: int = 1) -> Course:
    sent = np.arange(count, dtype=np.int64) * gap_ms + 1_000_000
    return Course(sent, sent + 5 + (np.arange(count) % 100 == 99) * 95)


def test_percentiles_are_of_the_time_from_intended_send_to_decision() -> None:
    found = a_course().percentiles()
    assert found == {"p50": 5.0, "p90": 5.0, "p99": 5.95, "p999": 100.0, "max": 100.0}
    assert list(found) == ["p50", "p90", "p99", "p999", "max"]


def test_of_nothing_there_are_no_percentiles() -> None:
    nothing = a_course().between(0, 1)
    assert nothing.percentiles() == {"p50": None, "p90": None, "p99": None, "p999": None, "max": None}
    assert nothing.by_second() == {}


def test_a_stretch_is_chosen_by_when_payments_were_meant_to_be_sent() -> None:
    chosen = a_course().between(1_000_010, 1_000_020)
    assert list(chosen.sent) == list(range(1_000_010, 1_000_020))
    assert list(chosen.latencies) == [5] * 10


def test_each_second_has_its_percentiles() -> None:
    course = a_course(25, gap_ms=100)
    course.decided[12] += 500
    seconds = course.by_second()
    assert list(seconds) == [0, 1, 2]
    assert [found["max"] for found in seconds.values()] == [5.0, 505.0, 5.0]


def test_seconds_without_payments_are_left_out() -> None:
    sent = np.array([0, 10, 5_000], dtype=np.int64)
    assert list(Course(sent, sent + 1).by_second()) == [0, 5]


def test_pauses_between_decisions_are_found_whatever_their_order() -> None:
    decided = np.array([500, 10, 20, 30, 510, 520, 1_500], dtype=np.int64)
    assert standstills(decided) == [(30, 470), (520, 980)]
    assert standstills(decided, most=1) == [(520, 980)]
    assert standstills(decided[:1]) == []


def test_the_longest_pause_of_a_stretch_may_begin_before_it() -> None:
    decided = np.array([10, 20, 500, 510, 2_000, 2_010], dtype=np.int64)
    assert longest_pause(decided, 100, 505) == 480
    assert longest_pause(decided, 505, 505) == 10
    assert longest_pause(decided, 505, 1_900) == 1_490
    assert longest_pause(decided, 0, 300) is None
    assert longest_pause(decided, 300, 9_000) is None


def test_pictures_are_drawn_of_much_and_not_of_nothing(tmp_path: Path) -> None:
    marks = {"checkpoint": [1.0, 2.0], "kill": [1.5]}
    chart.draw(tmp_path / "much.png", "much", a_course(), marks)
    chart.draw(tmp_path / "nothing.png", "nothing", a_course(0), {})
    points = [
        {"cards": cards, "rate": rate, "latency_ms": {"p50": rate / 100, "p99": None}}
        for cards in (10, 20)
        for rate in (300.0, 1_000.0)
    ]
    chart.draw_sweep(tmp_path / "sweep.png", points)
    assert not (tmp_path / "nothing.png").exists()
    for name in ("much", "sweep"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
