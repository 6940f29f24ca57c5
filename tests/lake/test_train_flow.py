"""Training and backtest from files to files, on a small made-up past in which large amounts are suspicious."""

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from pipelines import registry
from pipelines.config import Registry
from pipelines.errors import UsageError
from pipelines.features import book
from pipelines.flows import backfill, backtest, training
from pipelines.ingest.mapping import read_mapping
from pipelines.ingest.sources import Source
from pipelines.train import fit
from pipelines.train.progress import Progress

pytestmark = pytest.mark.filterwarnings("ignore:.*AnyType:UserWarning")  # MLflow about its own type hints

TINY = fit.Profile("tiny", trees=4, step=0.3, depth=3, bins=32)
BEGIN = datetime(2024, 3, 1, tzinfo=UTC)
DAYS = 40
MAPPING = """
columns: {transaction_id: id, amount_minor: cents, currency: {sql: "'EUR'"}, event_time: at}
entities: {card: who, merchant: where}
label: fraud
"""


def recorded(rows: int = 1600) -> list[dict[str, Any]]:
    chance = random.Random(11)
    made = []
    for n in range(rows):
        cents = round(100 * chance.lognormvariate(3, 1)) + 1
        fraud = chance.random() < (0.5 if cents > 9000 else 0.01)
        at = (BEGIN + timedelta(days=DAYS * n / rows)).replace(tzinfo=None)
        who, where = f"c{chance.randrange(12)}", f"m{chance.randrange(6)}"
        made.append({"id": f"t{n}", "cents": cents, "at": at, "who": who, "where": where, "fraud": fraud})
    return made


def plan(data: Path, folder: Path, test_until: datetime) -> backtest.Plan:
    mapping = folder / "mapping.yaml"
    mapping.write_text(MAPPING)
    days = [BEGIN + timedelta(days=count) for count in (5, 24, 31)]
    return backtest.Plan(data, mapping, *days, test_until, 7, folder / "out", folder / "features")


def judged(
    spark: SparkSession, rows: list[dict[str, Any]], folder: Path, days: int = 36
) -> tuple[dict[str, Any], list[Any]]:
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "data.parquet")
    asked = plan(folder / "data.parquet", folder, BEGIN + timedelta(days=days))
    Source(asked.data, read_mapping(asked.mapping), until=asked.test_until).write(folder / "place", 7)
    backfill.write(spark, folder / "place", folder / "place" / "features", asked.windows().test_until)
    metrics = backtest.judge(spark, folder / "place", asked, TINY, Progress())
    scores = duckdb.sql(f"select * from '{folder}/out/scores.parquet' order by transaction_id").fetchall()
    return metrics, scores


@pytest.fixture(scope="module")
def past(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[Any]]:
    return judged(spark, recorded(), tmp_path_factory.mktemp("past") / "all")


def test_a_backtest_scores_every_payment_of_the_test_days(past: tuple[dict[str, Any], list[Any]]) -> None:
    metrics, scores = past
    tested = [row for row in recorded() if 31 <= (row["at"].replace(tzinfo=UTC) - BEGIN) / timedelta(days=1) < 36]
    assert [(name, label) for name, _, _, label in scores] == sorted((row["id"], int(row["fraud"])) for row in tested)
    assert (metrics["rows"], metrics["frauds"]) == (len(tested), sum(row["fraud"] for row in tested))
    assert all(0 < score < 1 and time.endswith("Z") for _, time, score, _ in scores)
    assert metrics["average_precision"] > 2 * metrics["frauds"] / metrics["rows"]
    assert metrics["features"] == [feature.name for feature in book.FEATURES]
    assert metrics["without_blocked_cards"]["rows"] < metrics["rows"]
    json.dumps(metrics, allow_nan=False)


def test_labels_of_the_test_and_what_comes_after_it_change_no_score(
    spark: SparkSession, past: tuple[dict[str, Any], list[Any]], tmp_path: Path
) -> None:
    flipped = [row | {"fraud": not row["fraud"]} if n >= 1240 else row for n, row in enumerate(recorded())]
    kept = [row for n, row in enumerate(flipped) if n < 1440]  # day 31 begins with row 1240, day 36 with row 1440
    _, scores = judged(spark, kept, tmp_path / "flipped")
    assert [row[:3] for row in scores] == [row[:3] for row in past[1]]
    assert [row[3] for row in scores] == [1 - row[3] for row in past[1]]


def test_features_until_a_later_day_serve_an_earlier_test(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(recorded(50)), tmp_path / "data.parquet")
    later, earlier = (plan(tmp_path / "data.parquet", tmp_path, BEGIN + timedelta(days=day)) for day in (36, 34))
    source = Source(later.data, read_mapping(later.mapping))
    place = backtest._place(later, source)
    assert backtest._place(earlier, source) != place
    (place / "features").mkdir(parents=True)
    (place / "features" / "_SUCCESS").touch()
    assert backtest._place(earlier, source) == backtest._place(later, source) == place
    assert backtest._place(later._replace(test_until=BEGIN + timedelta(days=38)), source) != place
    assert backtest._place(earlier._replace(label_delay_days=3), source) != place


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("history")
    pq.write_table(pa.Table.from_pylist(recorded()), folder / "data.parquet")
    (folder / "mapping.yaml").write_text(MAPPING)
    Source(folder / "data.parquet", read_mapping(folder / "mapping.yaml"), until=BEGIN + timedelta(days=DAYS)).write(
        folder, 7
    )
    return folder


def test_a_history_becomes_a_registered_model(
    spark: SparkSession, history: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    to = Registry(uri=f"sqlite:///{tmp_path}/mlflow.sqlite", model="trained")
    lesson = training.Lesson(history, TINY, 7)
    split = training.windows(lesson)
    backfill.write(spark, history, tmp_path / "features", split.test_until)
    version = training.train(spark, to, lesson, split, tmp_path / "features", Progress(tmp_path / "status.json"))
    serving = registry.serving(registry.fetch(to, version, tmp_path / "models"))
    assert serving["inputs"] == [feature.name for feature in book.FEATURES]
    assert serving["feature_set"] == book.feature_set()
    assert serving["metrics"]["frauds"] > 0
    assert "margin" in serving["calibration"]
    assert set(json.loads((tmp_path / "status.json").read_text())["seconds"]) == {
        "fit",
        "calibrate",
        "refit",
        "evaluate",
        "register",
    }


def test_payments_too_young_to_be_judged_are_not_used(history: Path) -> None:
    split = training.windows(training.Lesson(history, TINY, 7))
    end = (BEGIN + timedelta(days=DAYS - 7)).timestamp() * 1000
    assert split.test_until <= end
    assert split.test_until > end - 86_400_000


def test_a_history_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="transactions.parquet does not exist"):
        training.windows(training.Lesson(tmp_path, TINY, 7))
