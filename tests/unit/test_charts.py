"""How much of the hour the monitor shows, and which minutes."""

import pytest

from pipelines.desk.charts import chart, minutes

NOW = 30_000_000


@pytest.mark.parametrize(("begin", "wanted"), [(0, 10), (3, 10), (24, 25), (59, 60), (60, 60), (600, 10)])
def test_a_run_that_is_young_fills_its_charts(begin: int, wanted: int) -> None:
    old, young = ({NOW - ago: 1.0} for ago in (begin, 0))
    shown = [chart("Alive?", "so", True, {"old": old, "young": young}, NOW), chart("Fast?", "so", None, {}, NOW)]
    assert minutes(shown) == wanted


def test_a_minute_that_is_not_over_is_not_drawn() -> None:
    (line,) = chart("Alive?", "so", True, {"a minute": {NOW - 2: 50.0, NOW - 1: 60.0, NOW: 3.0}}, NOW).lines
    assert line.latest == 60.0 and len(line.points.split()) == 2
    assert chart("Alive?", "so", True, {"a minute": {NOW - 1: 60.0, NOW: 99.0}}, NOW).most == 60.0
