"""What every feature promises, checked on all of them at once: no peeking, late labels stay late, repeats count once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import SparkSession

from pipelines.features import book, compile
from pipelines.ingest.events import from_tables
from pipelines.schemas import SIGNAL, TRANSACTION
from tests.events import BEGIN, Record, iso, payments, signals, table, verdict_on

NAMES = [feature.name for feature in book.FEATURES]
Vectors = dict[str, tuple[Any, ...]]
Compute = Callable[[list[Record], list[Record]], Vectors]


@pytest.fixture(scope="session")
def compute(spark: SparkSession) -> Compute:
    """Feature vectors of payments by transaction_id."""

    def vectors(paid: list[Record], known: list[Record]) -> Vectors:
        events = from_tables(table(spark, paid, TRANSACTION), table(spark, known, SIGNAL))
        rows = compile.batch(events).where("kind = 'transaction'").select("event_id", *NAMES).collect()
        return {row["event_id"]: tuple(row)[1:] for row in rows}

    return vectors


PAID = payments(700)
KNOWN = list(signals(PAID))
CUT = PAID[450]["event_time"]


@pytest.fixture(scope="session")
def whole(compute: Compute) -> Vectors:
    return compute(PAID, KNOWN)


def changed(before: Vectors, after: Vectors, only: set[str]) -> set[tuple[str, str]]:
    return {
        (one, name) for one in only for name, old, new in zip(NAMES, before[one], after[one], strict=True) if old != new
    }


def test_the_past_does_not_see_the_future(compute: Compute, whole: Vectors) -> None:
    earlier = {one["transaction_id"] for one in PAID if one["event_time"] < CUT}
    cut = compute([one for one in PAID if one["event_time"] < CUT], [one for one in KNOWN if one["event_time"] < CUT])
    assert len(earlier) > 400
    assert changed(whole, cut, earlier) == set()


def test_a_label_changes_nothing_before_it_is_known(compute: Compute, whole: Vectors) -> None:
    flip = {"fraud": "genuine", "genuine": "fraud"}
    later = [
        one | {"verdict": flip[one["verdict"]]} if "verdict" in one and one["event_time"] >= CUT else one
        for one in KNOWN
    ]
    flipped = compute(PAID, later)
    before = {one["transaction_id"] for one in PAID if one["event_time"] < CUT}
    assert changed(whole, flipped, before) == set()
    assert changed(whole, flipped, whole.keys() - before)


def test_values_are_numbers_or_unknown_never_anything_else(whole: Vectors) -> None:
    for vector in whole.values():
        assert all(value is None or -1e15 < value < 1e15 for value in vector)


def test_every_feature_takes_more_than_one_value(whole: Vectors) -> None:
    constant = {name for n, name in enumerate(NAMES) if len({vector[n] for vector in whole.values()}) == 1}
    assert constant == set()


def test_a_repeated_payment_counts_once(compute: Compute) -> None:
    few = PAID[:250]  # fewer than any state keeps: a repeat does take the place of the oldest
    decayed = {"merchant_volume", "merchant_z", "merchant_cheap", "merchant_fraud_rate"}
    reading_them = {name for name in NAMES if "unexplained" in name or name == "merchant_run"}
    found = changed(compute(few, []), compute([*few, *few[100:130]], []), {one["transaction_id"] for one in few})
    assert {name for _, name in found} <= decayed | reading_them
    assert {name for _, name in found} & decayed


def test_what_lies_beyond_the_kept_payments_of_a_busy_merchant_is_no_share_of_them(compute: Compute) -> None:
    def pay(name: str, at: datetime) -> Record:
        return PAID[0] | {"transaction_id": name, "card_id": name, "merchant_id": "busy", "event_time": iso(at)}

    old = [pay(f"old{n}", BEGIN + timedelta(hours=n)) for n in range(30)]
    late = [pay(f"late{n}", BEGIN + timedelta(days=12, minutes=n)) for n in range(120)]
    frauds = [verdict_on(one, "fraud", BEGIN + timedelta(days=9)) for one in old]
    vectors = compute([*old, *late], frauds)
    before, behind = (dict(zip(NAMES, vectors[name], strict=True)) for name in ("late10", "late119"))
    assert before["merchant_run"] == 30
    assert before["merchant_fraud_share_7d"] == 1
    assert behind["merchant_run"] == 0
    assert behind["merchant_fraud_share_7d"] == 0
    assert behind["merchant_unexplained_7d"] == 30


def test_payments_with_nothing_but_what_is_required_have_features(compute: Compute) -> None:
    required = [field.name for field in TRANSACTION if field.required]
    bare = [{name: one[name] for name in required} for one in PAID[:60]]
    vectors = compute(bare, [])
    assert len(vectors) == 60
    assert all(vector[NAMES.index("amount")] is not None for vector in vectors.values())
