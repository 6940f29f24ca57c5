import math
import random
from datetime import UTC, datetime

import numpy as np
import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines.errors import UsageError
from pipelines.schemas import SIGNAL, ddl, names
from pipelines.train import examples, fit, metrics
from pipelines.train.learn import Learned, learn
from pipelines.train.progress import Progress
from pipelines.train.scores import Scores, collected
from pipelines.train.split import DAY, Split

TINY = fit.Profile("tiny", trees=8, step=0.3, depth=3, bins=64, genuine_per_fraud=5.0)
SPLIT = Split(0, 30 * DAY, 40 * DAY, 47 * DAY, 60 * DAY)
INPUTS = ["amount", "noise"]


def signal(payment: str, verdict: str, hour: int) -> tuple[object, ...]:
    time = datetime(2024, 1, 1, hour, tzinfo=UTC).isoformat().replace("+00:00", "Z")
    known = {"signal_id": f"{payment}-{hour}", "kind": "verdict", "event_time": time, "source": "analyst"}
    return tuple((known | {"transaction_id": payment, "verdict": verdict}).get(name) for name in names(SIGNAL))


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    """Payments of 60 days: the larger the amount, the likelier a fraud; noise says nothing."""
    chance = random.Random(5)
    made = []
    for n in range(12_000):
        amount = chance.lognormvariate(3, 1)
        fraud = chance.random() < 1 / (1 + math.exp(7 - 1.2 * math.log(amount)))
        made.append((f"t{n}", f"c{n % 40}", round(n / 12_000 * 60 * DAY), float(fraud), amount, chance.random()))
    found = spark.createDataFrame(
        made, "transaction_id string, card_id string, event_ms bigint, label double, amount double, noise double"
    )
    return found.coalesce(2).cache()


@pytest.fixture(scope="module")
def learned(rows: DataFrame) -> Learned:
    return learn(rows, INPUTS, SPLIT, TINY, Progress())


@pytest.fixture(scope="module")
def tested(rows: DataFrame, learned: Learned) -> Scores:
    return collected(fit.margins(learned.model, examples.between(rows, SPLIT.test_from, SPLIT.test_until)))


def test_the_label_is_the_latest_verdict_that_was_known(spark: SparkSession) -> None:
    features = spark.createDataFrame([(name,) for name in "abcde"], "transaction_id string")
    heard = [
        signal("a", "fraud", 1),
        signal("b", "fraud", 1),
        signal("b", "genuine", 2),
        signal("c", "genuine", 1),
        signal("c", "fraud", 2),
        signal("d", "fraud", 9),  # later than what is known
        signal("nobody", "fraud", 1),
    ]
    known_at = round(datetime(2024, 1, 1, 8, tzinfo=UTC).timestamp() * 1000)
    found = examples.labelled(features, spark.createDataFrame(heard, ddl(SIGNAL)), known_at)
    assert {row.transaction_id: row.label for row in found.collect()} == {"a": 1, "b": 0, "c": 1, "d": 0, "e": 0}


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
    assert fit.importance(learned.model, INPUTS)["amount"] > 0.6


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
    assert [type(stage).__name__ for stage in learned.model.stages] == ["VectorAssembler", "GBTClassificationModel"]
