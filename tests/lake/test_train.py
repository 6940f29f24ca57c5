import math
import random
import re

import numpy as np
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.errors import UsageError
from pipelines.train import examples, fit, metrics, trees
from pipelines.train.compare import compare
from pipelines.train.learn import Learned, learn
from pipelines.train.progress import Progress
from pipelines.train.scores import Scores, collected
from pipelines.train.split import DAY, Split

TINY = fit.Profile("tiny", trees=8, step=0.3, depth=3, bins=64, genuine_per_fraud=5.0)
SPLIT = Split(0, 30 * DAY, 40 * DAY, 47 * DAY, 60 * DAY)
INPUTS = {"amount": 0.0, "noise": 0.5, "age": -1.0}
FACTS = ["0D as is_online", "0D as is_atm", "99D as card_age_days", "1D as weight"]


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    """Payments of 60 days: the larger the amount, the likelier a fraud, and an unknown age is worse; noise says nothing."""
    chance = random.Random(5)
    made = []
    for n in range(12_000):
        amount = chance.lognormvariate(3, 1)
        age = chance.choice([1.0, 2.0, None])
        fraud = chance.random() < 1 / (1 + math.exp(7.5 - 1.2 * math.log(amount) - (age is None)))
        made.append((f"t{n}", f"c{n % 40}", round(n / 12_000 * 60 * DAY), float(fraud), amount, chance.random(), age))
    found = spark.createDataFrame(
        made,
        "transaction_id string, card_id string, event_ms bigint, label double, amount double, noise double, age double",
    )
    return found.coalesce(2).selectExpr("*", *FACTS).cache()


@pytest.fixture(scope="module")
def learned(rows: DataFrame) -> Learned:
    return learn(rows, INPUTS, SPLIT, TINY, Progress())


@pytest.fixture(scope="module")
def tested(rows: DataFrame, learned: Learned) -> Scores:
    return collected(fit.margins(learned.model, examples.between(rows, SPLIT.test_from, SPLIT.test_until)))


def test_undersampling_keeps_frauds_and_repeats_itself(rows: DataFrame) -> None:
    frauds = rows.where("label = 1").count()
    once, share = examples.undersampled(rows, 5.0, seed=1)
    again, _ = examples.undersampled(rows.repartition(7), 5.0, seed=1)
    other, _ = examples.undersampled(rows, 5.0, seed=2)
    drawn, repeated, another = ({row.transaction_id for row in kept.collect()} for kept in (once, again, other))
    assert drawn == repeated != another
    assert once.where("label = 1").count() == frauds
    assert len(drawn) - frauds == pytest.approx(5 * frauds, rel=0.2)
    assert share == pytest.approx(5 * frauds / (12_000 - frauds))


def test_nothing_to_learn_is_refused(rows: DataFrame) -> None:
    with pytest.raises(UsageError, match="0 payments known as fraud"):
        examples.undersampled(rows.where("label = 0"), 5.0, seed=1)


def test_the_model_ranks_days_it_has_not_seen(learned: Learned, tested: Scores) -> None:
    assert metrics.auc(tested.labels, tested.margins) > 0.75
    importance = fit.importance(learned.model)
    assert next(iter(importance)) == "amount"
    assert set(importance) == {"amount", "noise", "age", "unknown_age"}


def test_probabilities_hold_on_all_payments_although_few_were_learned_from(learned: Learned, tested: Scores) -> None:
    expected = learned.calibration.probabilities(tested.margins).sum()
    assert expected == pytest.approx(tested.labels.sum(), rel=0.5)
    uncorrected = (1 / (1 + np.exp(-2 * tested.margins))).sum()
    assert uncorrected > 2 * tested.labels.sum()


def test_calibration_in_sql_equals_numpy(spark: SparkSession, learned: Learned) -> None:
    margins = [-800.0, -1.25, 0.0, 0.3, 800.0]
    frame = spark.createDataFrame([(margin,) for margin in margins], "margin double")
    found = [row.p for row in frame.select(F.expr(learned.calibration.sql).alias("p")).collect()]
    assert found == pytest.approx(learned.calibration.probabilities(np.array(margins)).tolist(), abs=1e-15)


def test_days_after_training_change_nothing(rows: DataFrame, learned: Learned) -> None:
    later = rows.where(f"event_ms < {SPLIT.train_until}").unionByName(
        rows.where(f"event_ms >= {SPLIT.train_until}").withColumn("label", 1 - F.col("label"))
    )
    again = learn(later.coalesce(2), INPUTS, SPLIT, TINY, Progress())
    assert again.calibration == learned.calibration


def test_a_saved_model_needs_nothing_but_spark(
    learned: Learned, rows: DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = str(tmp_path_factory.mktemp("model") / "sparkml")
    learned.model.save(folder)
    some = rows.limit(50)
    before, after = (
        [row.margin for row in fit.margins(model, some).orderBy("transaction_id").collect()]
        for model in (learned.model, PipelineModel.load(folder))
    )
    assert before == after
    assert [type(stage).__name__ for stage in learned.model.stages] == [
        "SQLTransformer",
        "VectorAssembler",
        "GBTClassificationModel",
    ]


def test_what_is_unknown_is_filled_in_and_told(learned: Learned, rows: DataFrame) -> None:
    filled = learned.model.stages[0].transform(rows)
    found = {
        row.age: (row.filled_age, row.unknown_age)
        for row in filled.select("age", "filled_age", "unknown_age").collect()
    }
    assert found == {1.0: (1.0, 0.0), 2.0: (2.0, 0.0), None: (-1.0, 1.0)}
    assert "unknown_noise" not in filled.columns  # it is always known


def test_a_payment_that_stands_for_many_is_kept_and_outweighs_one(rows: DataFrame) -> None:
    genuine = rows.where("label = 0").orderBy("transaction_id").limit(200)
    heavy = genuine.withColumn("weight", F.lit(50.0))
    others = rows.where("label = 1 or weight < 0").unionByName(rows.where("label = 0").limit(8_000))
    kept, share = examples.undersampled(others.unionByName(heavy), 1.0, seed=1)
    weights = {row.weight for row in kept.where("label = 0 and weight <> 1").collect()}
    assert kept.where("label = 0 and weight <> 1").count() == 200
    assert weights == {50 * share}


def test_other_ways_to_learn_are_told_apart_on_validation_days(rows: DataFrame, learned: Learned) -> None:
    later_days_do_not_matter = rows.where(f"event_ms < {SPLIT.train_until}")
    found = compare(later_days_do_not_matter, INPUTS, SPLIT, TINY, learned, Progress())
    assert set(found) == {
        "boosting undersampled",
        "boosting class weights",
        "logistic regression undersampled",
        "random forest undersampled",
    }
    assert all(0.6 < figures["auc"] < 1 for figures in found.values())


def test_fitting_says_how_far_it_is(rows: DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(trees, "EVERY_SECONDS", 0.05)
    fit.fit(rows.where("label = 1 or noise < 0.1"), INPUTS, TINY, said.append)
    told = [int(re.fullmatch(r"about tree (\d+) of 8, \d+ s left", line)[1]) for line in said]  # type: ignore[index]
    assert told == sorted(told)
    assert told[-1] >= 5
