from pathlib import Path

import numpy as np
import pytest

from pipelines.rules.policy import Policy, read
from pipelines.train import metrics, money
from pipelines.train.evaluate import judge, unblocked
from pipelines.train.intervals import draws, intervals
from pipelines.train.scores import Frauds, Scores

DAY = metrics.DAY


def scores(rows: list[tuple[str, int, int, float]]) -> Scores:
    cards, times, labels, margins = zip(*rows, strict=True)
    ids = np.array([f"t{n}" for n in range(len(rows))])
    ones = np.ones(len(rows))
    times, labels, margins = np.array(times, dtype=np.int64), np.array(labels, float), np.array(margins, float)
    return Scores(ids, np.array(cards), times, labels, margins, 10 * ones, np.array(["online"] * len(rows)), ones, ones)


@pytest.fixture(scope="module")
def policy() -> Policy:
    return read(Path("conf/policy.yaml"))


def test_ranking_figures_of_a_known_order() -> None:
    labels, order = np.array([1.0, 0, 1, 0, 0]), np.array([5.0, 4, 3, 2, 1])
    assert metrics.average_precision(labels, order) == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert metrics.auc(labels, order) == pytest.approx(5 / 6)


def test_ranking_figures_without_both_classes_are_unknown() -> None:
    assert np.isnan(metrics.auc(np.zeros(3), np.arange(3.0)))
    assert np.isnan(metrics.auc(np.ones(3), np.arange(3.0)))
    assert np.isnan(metrics.average_precision(np.zeros(3), np.arange(3.0)))


def test_alert_figures() -> None:
    labels, probabilities = np.array([1.0, 1, 0, 0, 1]), np.array([0.9, 0.5, 0.6, 0.1, 0.2])
    found = metrics.at_threshold(labels, probabilities, 0.5)
    assert found == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3})


def test_no_alerts_and_no_frauds_divide_by_nothing() -> None:
    assert metrics.at_threshold(np.zeros(2), np.zeros(2), 0.5) == {"precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_card_precision_takes_the_worst_payment_of_a_card() -> None:
    day = scores([("a", 0, 0, 9.0), ("a", 1, 1, 0.1), ("b", 2, 0, 5.0), ("c", 3, 1, 1.0)])
    assert metrics.card_precision(day.labels, day.margins, day.times, day.cards, top=1) == 1.0
    assert metrics.card_precision(day.labels, day.margins, day.times, day.cards, top=2) == 0.5


def test_card_precision_looks_at_a_found_card_once() -> None:
    two_days = scores([("a", 0, 1, 9.0), ("b", 1, 0, 1.0), ("a", DAY, 1, 9.0), ("b", DAY + 1, 1, 1.0)])
    found = metrics.card_precision(two_days.labels, two_days.margins, two_days.times, two_days.cards, top=1)
    assert found == 1.0  # the second day checks b, since a was found on the first


def test_card_precision_divides_by_what_could_be_checked() -> None:
    one = scores([("a", 0, 1, 9.0)])
    assert metrics.card_precision(one.labels, one.margins, one.times, one.cards) == 0.01


def test_calibration_error_is_relative_to_what_was_expected() -> None:
    probabilities = np.repeat([0.1, 0.5], 1000)
    honest = np.concatenate([np.arange(1000) < 100, np.arange(1000) < 500]).astype(float)
    assert metrics.calibration_error(honest[::-1], probabilities[::-1], bins=2) == pytest.approx(0)
    assert metrics.calibration_error(honest, probabilities * 2, bins=2) == pytest.approx(0.5)


def test_few_frauds_look_badly_calibrated_by_chance() -> None:
    many, few = (metrics.calibration_chance(np.full(rows, 0.01)) for rows in (200_000, 2_000))
    assert many < 0.15 < 0.5 < few
    honest = (np.random.default_rng(5).random(2_000) < 0.01).astype(float)
    assert metrics.calibration_error(honest, np.full(2_000, 0.01)) == pytest.approx(few, abs=0.35)


def test_cards_known_to_be_defrauded_when_the_day_began_are_left_out() -> None:
    frauds = Frauds(np.array(["old", "old", "clean"]), np.array([0, 3 * DAY, 9 * DAY]))
    tested = scores(
        [
            ("old", 7 * DAY + 5, 0, 1.0),  # its fraud of day 0 is not known when day 7 begins
            ("old", 8 * DAY, 0, 1.0),
            ("clean", 9 * DAY, 1, 1.0),
            ("clean", 16 * DAY, 0, 1.0),
            ("clean", 17 * DAY, 0, 1.0),
        ]
    )
    left = tested.where(unblocked(tested, frauds, 7))
    assert list(zip(left.cards, left.times // DAY, strict=True)) == [("old", 7), ("clean", 9), ("clean", 16)]


def test_evaluation_counts_and_ranks(policy: Policy) -> None:
    found = judge(scores([("a", 0, 1, 3.0), ("b", 1, 0, -3.0), ("c", 2, 0, -4.0)]), np.array([0.9, 0.1, 0.0]), policy)
    figures = found.figures
    assert (figures["rows"], figures["frauds"], figures["auc"], figures["average_precision"]) == (3, 1, 1.0, 1.0)
    assert figures["precision"] == figures["recall"] == figures["recall_at_0.1_percent_false_alarms"] == 1.0


def test_what_cannot_be_judged_is_null_in_files_and_left_out_of_the_registry(policy: Policy) -> None:
    found = judge(scores([("a", 0, 0, 1.0)]), np.array([0.2]), policy, resamples=3)
    assert found.facts()["average_precision"] is None
    assert "average_precision" not in found.flat()
    assert "auc" not in found.intervals


def test_recall_where_few_genuine_payments_may_be_alarmed() -> None:
    labels = np.array([1.0, 0, 1, 0, 0, 0])
    order = np.array([6.0, 5, 4, 3, 2, 1])
    assert metrics.recall_at(labels, order, 0.0) == 0.5
    assert metrics.recall_at(labels, order, 0.24) == 0.5
    assert metrics.recall_at(labels, order, 0.25) == 1.0


def test_a_weight_is_as_good_as_so_many_payments() -> None:
    chance = np.random.default_rng(3)
    labels, order = (chance.random(60) < 0.3).astype(float), chance.random(60).round(2)
    weights = chance.integers(1, 4, 60)
    many = np.repeat(np.arange(60), weights)
    for figure in (metrics.auc, metrics.average_precision):
        assert figure(labels, order, weights.astype(float)) == pytest.approx(figure(labels[many], order[many]))
    assert metrics.recall_at(labels, order, 0.2, weights) == metrics.recall_at(labels[many], order[many], 0.2)
    assert metrics.at_threshold(labels, order, 0.5, weights) == pytest.approx(
        metrics.at_threshold(labels[many], order[many], 0.5)
    )


def test_a_card_drawn_twice_takes_two_places() -> None:
    day = scores([("a", 0, 1, 9.0), ("b", 2, 0, 5.0), ("c", 3, 1, 1.0)])
    columns = (day.labels, day.margins, day.times, day.cards)
    assert metrics.card_precision(*columns, top=3, copies=np.array([2.0, 1, 1])) == pytest.approx(2 / 3)
    assert metrics.card_precision(*columns, top=3, copies=np.array([1.0, 1, 1])) == pytest.approx(2 / 3)
    assert metrics.card_precision(*columns, top=3, copies=np.array([1.0, 2, 1])) == pytest.approx(1 / 3)


def test_money_saved_under_the_cost_table(policy: Policy) -> None:
    four = scores([("a", 0, 1, 0), ("b", 1, 0, 0), ("c", 2, 0, 0), ("d", 3, 1, 0)])
    acted = np.array([0.9, 0.9, 0.2, 0.0])  # decline, decline, challenge, approve
    costs = policy.costs
    expected = costs.fraud_recovered_share * 10 - costs.false_decline_share * 10 - costs.challenge
    assert money.saved(four, acted, policy, np.ones(4)) == pytest.approx(expected)
    assert money.saved(four, np.array([0.6, 0, 0, 0]), policy, np.ones(4)) == pytest.approx(
        costs.fraud_recovered_share * 10 - costs.hold
    )
    assert money.at_risk(four, np.array([3.0, 1, 1, 1])) == 40


def test_a_card_is_drawn_with_all_of_its_payments() -> None:
    cards = np.array(["a", "b", "a", "c", "b", "a"])
    for drawn in draws(cards, 20):
        assert drawn[0] == drawn[2] == drawn[5]
        assert drawn[1] == drawn[4]
        assert drawn[0] + drawn[1] + drawn[3] == 3
    assert [list(drawn) for drawn in draws(cards, 5)] == [list(drawn) for drawn in draws(cards, 5)]


def test_intervals_hold_what_they_are_about(policy: Policy) -> None:
    chance = np.random.default_rng(7)
    rows = [(f"c{n % 90}", n, int(chance.random() < 0.2), chance.random()) for n in range(900)]
    found = scores(rows)
    probabilities = np.clip(found.labels * 0.3 + chance.random(900) * 0.6, 0, 1)
    judged = judge(found, probabilities, policy, resamples=60)
    for name in ("auc", "average_precision", "precision", "recall", "money_saved"):
        low, high = judged.intervals[name]
        assert low < judged.figures[name] < high
    narrow = intervals([{"x": float(n)} for n in range(101)])
    assert narrow["x"] == pytest.approx((2.5, 97.5))


def test_segments_are_groups_with_frauds_that_do_not_hold_everything(policy: Policy) -> None:
    found = scores([(f"c{n}", n, n % 4 == 0, 0.0) for n in range(80)])
    found = found._replace(
        amounts=np.arange(80.0), channels=np.where(np.arange(80) < 40, "online", "atm"), ages=np.full(80, 99.0)
    )
    segments = judge(found, np.linspace(0, 1, 80), policy).segments
    assert [(part["kind"], part["name"], part["rows"]) for part in segments if part["kind"] == "channel"] == [
        ("channel", "atm", 40),
        ("channel", "online", 40),
    ]
    assert sum(part["rows"] for part in segments if part["kind"] == "amount") == 80
    assert not [part for part in segments if part["kind"] == "card"]  # all of them are known ones
