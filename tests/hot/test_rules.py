"""Every rule of the book fires, explains itself in words with numbers, and stays silent when it knows nothing."""

from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.features import book
from pipelines.rules import policy
from pipelines.rules.book import RULES
from pipelines.rules.spec import NOTE

STANDARD = policy.read(Path("conf/policy.yaml"))
FIRING: dict[str, dict[str, float]] = {
    "denied_entity": {"merchant_listed": 1},
    "allowed_entity": {"card_listed": -1},
    "high_value_far_from_home": {"amount": 900, "card_ratio": 12.5, "card_km_home": 4200},
    "rapid_purchases": {"card_n_1h": 6, "card_merchants_1h": 6},
    "impossible_speed": {"card_kmh": 3000, "card_km_last": 1500},
    "card_testing": {"card_small_1h": 5},
    "merchant_run_of_fraud": {"merchant_run": 4},
    "fresh_frauds_at_merchant": {"merchant_fresh_frauds": 4, "merchant_n_7d": 6},
    "unusual_amount": {"card_ratio": 7.2, "amount": 420},
    "new_device": {"card_new_device": 1, "card_n_30d": 30},
    "known_frauds_of_card": {"card_frauds_known": 2, "card_since_fraud_days": 3.5},
    "known_frauds_of_merchant": {"merchant_fraud_share_28d": 0.4, "merchant_matured_28d": 10},
    "far_from_home": {"card_km_home": 800},
    "shared_device": {"device_cards": 5},
}


def decided(
    spark: SparkSession, channel: str = "online", probability: float = 0.01, payments: int = 1, **features: float
) -> DataFrame:
    quiet = {"card_listed": 0.0, "merchant_listed": 0.0, "device_listed": 0.0} | features
    values = [F.lit(quiet.get(one.name)).cast("double").alias(one.name) for one in book.FEATURES]
    rows = spark.range(payments).select(
        F.concat(F.lit("t"), "id").alias("transaction_id"),
        F.lit(channel).alias("channel"),
        F.lit("EUR").alias("currency"),
        F.lit(probability).alias("probability"),
        *values,
    )
    for layer in policy.decide(STANDARD):
        rows = rows.select("*", *(F.expr(sql).alias(name) for name, sql in layer.items()))
    return rows.select("transaction_id", "action", "rules", "reasons", "explored", "propensity")


def test_every_rule_has_a_case() -> None:
    assert FIRING.keys() == {rule.name for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_fires_and_says_why(spark: SparkSession, rule: policy.Rule) -> None:
    channel = "card_present" if rule.name == "impossible_speed" else "online"
    row = decided(spark, channel, **FIRING[rule.name]).first()
    assert row is not None
    if rule.action == NOTE:
        assert rule.name not in row.rules and row.action == "approve"
    else:
        assert rule.name in row.rules and row.action == rule.action
    own = [reason for reason in row.reasons if reason.startswith(rule.reason.split("%")[0]) and "null" not in reason]
    assert own


def test_nothing_known_means_nothing_fired(spark: SparkSession) -> None:
    row = decided(spark).first()
    assert row is not None and (row.action, row.rules, row.reasons) == ("approve", [], [])


@pytest.mark.parametrize(
    ("probability", "action"),
    [(0.149, "approve"), (0.15, "challenge"), (0.5, "hold"), (0.85, "decline"), (1.0, "decline")],
)
def test_thresholds_are_inclusive(spark: SparkSession, probability: float, action: str) -> None:
    row = decided(spark, probability=probability).first()
    assert row is not None and row.action == action
    assert bool(row.reasons) == (action != "approve")


def test_an_allow_listing_wins_over_model_and_rules_but_not_over_a_deny_listing(spark: SparkSession) -> None:
    allowed = decided(spark, probability=0.99, card_listed=-1, card_small_1h=9).first()
    assert allowed is not None and allowed.action == "approve"
    both = decided(spark, probability=0.01, card_listed=-1, device_listed=1).first()
    assert both is not None and both.action == "decline"


def test_the_most_severe_wins(spark: SparkSession) -> None:
    row = decided(spark, probability=0.2, **FIRING["card_testing"], **FIRING["rapid_purchases"]).first()
    assert row is not None and row.action == "decline"
    assert set(row.rules) == {"card_testing", "rapid_purchases"}


def test_a_share_of_what_would_be_held_is_let_through_and_says_so(spark: SparkSession) -> None:
    rows = decided(spark, probability=0.6, payments=20_000, amount=50).collect()
    let_through = [row for row in rows if row.explored]
    assert 140 < len(let_through) < 260  # one in a hundred
    assert {(row.action, row.propensity, row.reasons[0]) for row in let_through} == {
        ("approve", 0.01, policy.LET_THROUGH)
    }
    assert {(row.action, row.propensity) for row in rows if not row.explored} == {("hold", 0.99)}
    again = decided(spark, probability=0.6, payments=20_000, amount=50).where("explored").collect()
    assert {row.transaction_id for row in again} == {row.transaction_id for row in let_through}


@pytest.mark.parametrize(
    ("probability", "features"),
    [
        (0.6, {"amount": 100.01}),  # above the cap
        (0.9, {"amount": 50}),  # declined
        (0.2, {"amount": 50}),  # challenged
        (0.01, {"amount": 50}),
        (0.6, {"amount": 50, "card_listed": 1}),  # on the deny list
    ],
)
def test_nothing_else_is_left_to_chance(spark: SparkSession, probability: float, features: dict[str, float]) -> None:
    rows = (
        decided(spark, probability=probability, payments=2_000, **features).select("explored", "propensity").distinct()
    )
    assert [tuple(row) for row in rows.collect()] == [(False, 1.0)]
