"""The gate refuses whatever is wrong with a challenger, one thing at a time."""

import json
from typing import Any

import pytest

from pipelines.config import Gate
from pipelines.promote.gate import Found, Shadow, checks, facts

NAN = float("nan")
GOOD = Found(
    frauds=200,
    differences={"money_saved": (900.0, 100.0, 1700.0), "average_precision": (0.05, 0.01, 0.09)},
    segments={"channel: online": (0.02, -0.05, 0.08), "card: new": (-0.01, -0.03, 0.01)},
    calibration_error=0.4,
    calibration_chance=0.2,
    score_us=12.0,
    shadow=Shadow(1000, 0, 0.03, 0.02),
)


def refused(**changes: Any) -> list[str]:
    return [check.name for check in checks(GOOD._replace(**changes), Gate()) if not check.passed]


def test_a_challenger_for_whom_everything_speaks_passes() -> None:
    assert refused() == []
    assert json.loads(json.dumps(facts(GOOD, checks(GOOD, Gate()))))["passed"] is True


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"frauds": 19}, ["enough frauds"]),
        ({"differences": GOOD.differences | {"money_saved": (900.0, -5.0, 1700.0)}}, ["money saved"]),
        ({"differences": GOOD.differences | {"average_precision": (0.0, 0.0, 0.0)}}, ["average precision"]),
        ({"differences": GOOD.differences | {"average_precision": (NAN, NAN, NAN)}}, ["average precision"]),
        ({"differences": {}}, ["money saved", "average precision"]),
        ({"segments": GOOD.segments | {"amount: highest quarter": (-0.1, -0.2, -0.01)}}, ["no segment clearly worse"]),
        ({"calibration_error": 0.56}, ["calibrated"]),
        ({"calibration_error": NAN}, ["calibrated"]),
        ({"score_us": 101.0}, ["latency"]),
        ({"shadow": None}, ["shadow run"]),
        ({"shadow": Shadow(199, 0, 0.0, 0.0)}, ["shadow run"]),
        ({"shadow": Shadow(1000, 1, 0.03, 0.02)}, ["shadow run"]),
        ({"shadow": Shadow(1000, 0, 0.06, 0.02)}, ["alerts"]),
    ],
)
def test_each_condition_refuses_alone(changes: dict[str, Any], why: list[str]) -> None:
    assert refused(**changes) == why


def test_few_alerts_are_no_reason_to_refuse_where_the_champion_has_hardly_any() -> None:
    assert refused(shadow=Shadow(1000, 0, 0.009, 0.001)) == []


def test_a_few_alerts_more_may_be_chance() -> None:
    assert refused(shadow=Shadow(600, 0, 0.034, 0.014)) == []
    assert refused(shadow=Shadow(60_000, 0, 0.034, 0.014)) == ["alerts"]


def test_reasons_are_said_in_numbers() -> None:
    worse = GOOD._replace(segments={"card: new": (-0.1, -0.2, -0.01)}, shadow=Shadow(50, 0, 0.0, 0.0))
    told = {check.name: check.words for check in checks(worse, Gate())}
    assert "card: new -0.1000 (-0.2000 to -0.0100)" in told["no segment clearly worse"]
    assert "50 payments, 200 wanted" in told["shadow run"]
