"""What is told apart from chance, and when it is too early to say."""

import pytest

from pipelines.monitor import rates
from pipelines.monitor.findings import ALARM, EARLY, QUIET
from pipelines.monitor.rates import Count


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (Count(100, 10_000), QUIET),
        (Count(190, 10_000), QUIET),
        (Count(400, 10_000), ALARM),
        (Count(10, 10_000), ALARM),
        (Count(9, 900), EARLY),
    ],
)
def test_alerts(now: Count, state: str) -> None:
    assert rates.alerts(Count(500, 50_000), now).state == state


@pytest.mark.parametrize(
    ("now", "state"), [(Count(28, 60), QUIET), (Count(5, 60), ALARM), (Count(60, 60), QUIET), (Count(0, 10), EARLY)]
)
def test_precision(now: Count, state: str) -> None:
    found = rates.precision(Count(250, 500), now)
    assert found.state == state
    assert state == EARLY or found.low <= found.value <= found.high  # type: ignore[operator]


def test_missing() -> None:
    usual = {name: Count(100, 10_000) for name in ("ip", "country")}
    now = {"ip": Count(20, 1000), "country": Count(300, 1000)}
    assert [one.state for one in rates.missing(usual, now, cards=500)] == [QUIET, ALARM]
    assert {one.state for one in rates.missing(usual, now, cards=5)} == {EARLY}


def test_volume() -> None:
    usual = [1000, 1040, 990, 1010, 960] * 4
    assert [rates.volume("today", usual, now).state for now in (900, 1300, 400, 3000)] == [QUIET, QUIET, ALARM, ALARM]
    assert rates.volume("at 03 h", [3, 0, 2, 5] * 5, 0).state == QUIET
    assert rates.volume("today", usual[:3], 0).state == EARLY
