"""Training and backtest from files to files, on a small made-up past in which large amounts are suspicious."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from pyspark.sql import SparkSession

from pipelines import config, registry
from pipelines.config import Paths, Registry, Settings
from pipelines.errors import LeakSuspected, UsageError
from pipelines.features import book
from pipelines.flows import backfill, backtest, labels, material, training
from pipelines.ingest.mapping import read_mapping
from pipelines.ingest.sources import Source
from pipelines.local.project import HERE
from pipelines.rules import policy
from pipelines.train import fit
from pipelines.train.progress import Progress
from pipelines.train.split import Split, day, of_history
from tests import past
from tests.past import BEGIN, DAYS, MAPPING, landed_lake, recorded

pytestmark = pytest.mark.filterwarnings("ignore:.*AnyType:UserWarning")  # MLflow about its own type hints

TINY = fit.Profile("tiny", trees=4, step=0.3, depth=3, bins=32)
RULES = Path("conf/policy.yaml")


def plan(data: Path, folder: Path, test_until: datetime) -> backtest.Plan:
    mapping = folder / "mapping.yaml"
    mapping.write_text(MAPPING)
    days = [BEGIN + timedelta(days=count) for count in (5, 24, 31)]
    return backtest.Plan(data, mapping, *days, test_until, 7, folder / "out", folder / "features", resamples=20)


def judged(
    spark: SparkSession, rows: list[dict[str, Any]], folder: Path, days: int = 36
) -> tuple[dict[str, Any], list[Any]]:
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "data.parquet")
    asked = plan(folder / "data.parquet", folder, BEGIN + timedelta(days=days))
    Source(asked.data, read_mapping(asked.mapping), until=asked.test_until).write(folder / "place", 7)
    backfill.write(spark, folder / "place", folder / "place" / "features", asked.folds()[-1].test_until)
    metrics = backtest.evaluate(spark, folder / "place", asked, TINY, policy.read(RULES), Progress())
    scores = duckdb.sql(f"select * from '{folder}/out/scores.parquet' order by transaction_id").fetchall()
    return metrics, scores


@pytest.fixture(scope="module")
def tested(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[Any]]:
    return judged(spark, recorded(), tmp_path_factory.mktemp("past") / "all")


def test_a_backtest_scores_every_payment_of_the_test_days(tested: tuple[dict[str, Any], list[Any]]) -> None:
    metrics, scores = tested
    chosen = [row for row in recorded() if 31 <= (row["at"].replace(tzinfo=UTC) - BEGIN) / timedelta(days=1) < 36]
    assert [(name, label) for name, _, _, label in scores] == sorted((row["id"], int(row["fraud"])) for row in chosen)
    assert (metrics["rows"], metrics["frauds"]) == (len(chosen), sum(row["fraud"] for row in chosen))
    assert all(0 < score < 1 and time.endswith("Z") for _, time, score, _ in scores)
    assert metrics["average_precision"] > 2 * metrics["frauds"] / metrics["rows"]
    assert metrics["features"] == [feature.name for feature in book.FEATURES]
    assert metrics["without_blocked_cards"]["rows"] < metrics["rows"]
    low, high = metrics["intervals"]["average_precision"]
    assert low <= metrics["average_precision"] <= high
    json.dumps(metrics, allow_nan=False)


def test_labels_of_the_test_and_what_comes_after_it_change_no_score(
    spark: SparkSession, tested: tuple[dict[str, Any], list[Any]], tmp_path: Path
) -> None:
    flipped = [row | {"fraud": not row["fraud"]} if n >= 1240 else row for n, row in enumerate(recorded())]
    kept = [row for n, row in enumerate(flipped) if n < 1440]  # day 31 begins with row 1240, day 36 with row 1440
    _, scores = judged(spark, kept, tmp_path / "flipped")
    assert [row[:3] for row in scores] == [row[:3] for row in tested[1]]
    assert [row[3] for row in scores] == [1 - row[3] for row in tested[1]]


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
    return past.history(tmp_path_factory.mktemp("history"))


@pytest.fixture(scope="module")
def features(spark: SparkSession, history: Path) -> Path:
    backfill.write(spark, history, history / "features", training.FOREVER)
    return history / "features"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)  # a registry without a server keeps artifacts below the folder it is called in
    to = Registry(uri=f"sqlite:///{tmp_path}/mlflow.sqlite", model="trained")
    return Settings(registry=to, paths=Paths(run=tmp_path / "run", policy=HERE.root / RULES))


def test_a_history_becomes_a_registered_model(
    spark: SparkSession, history: Path, features: Path, settings: Settings, tmp_path: Path
) -> None:
    progress = Progress(tmp_path / "status.json")
    lesson = training.Lesson(TINY, history, 7, compared=True, resamples=10)
    version = training.train(spark, settings, lesson, features, progress)
    serving = registry.serving(registry.fetch(settings.registry, version, tmp_path / "models"))
    assert serving["inputs"] == book.model_inputs()
    assert serving["feature_set"] == book.feature_set()
    assert serving["metrics"]["frauds"] > 0
    assert "margin" in serving["calibration"]
    stages = set(json.loads((tmp_path / "status.json").read_text())["seconds"])
    assert {"labels", "fit", "calibrate", "refit", "evaluate", "register"} < stages
    assert any(name.startswith("compare: ") for name in stages)
    client = MlflowClient(settings.registry.uri)
    run = client.get_run(client.get_model_version("trained", version).run_id)
    assert {
        "data_version",
        "code_version",
        "feature_set",
        "policy_version",
        "pyspark",
        "python",
    } <= run.data.tags.keys()
    assert {
        "average_precision_low",
        "money_saved",
        "compared/random forest undersampled/auc",
    } <= run.data.metrics.keys()
    drawn = {Path(file.path).name for file in client.list_artifacts(run.info.run_id, "pictures")}
    assert drawn == {
        f"{name}.png" for name in ("importance", "roc", "precision_recall", "calibration", "gain", "money", "maturity")
    }


def test_what_has_landed_is_learned_from_as_it_was_known(
    spark: SparkSession, history: Path, settings: Settings, tmp_path: Path
) -> None:
    frauds = [row["id"] for row in recorded() if row["fraud"]]
    genuine = [row["id"] for row in recorded() if not row["fraud"]]
    decided = dict.fromkeys((*frauds[:3], *genuine[:3]), ("hold", False, 0.99)) | {genuine[4]: ("approve", True, 0.01)}
    made = material.of_lake(landed_lake(spark, history, settings.paths.lake, decided))
    known = material.known(made, settings.labels, None)
    assert known.delay_days == 7  # every chargeback comes seven days after its payment
    split = of_history(known.first, known.end, known.delay_days)
    material.write(made, settings.labels, split._replace(fit_from=0), known.end, tmp_path / "rows.parquet")
    rows = duckdb.sql(f"select transaction_id, label, weight, event_ms from '{tmp_path}/rows.parquet'").fetchall()
    found = {name: (label, weight) for name, label, weight, _ in rows}
    assert not any(split.train_until <= at < split.test_from or at >= split.test_until for *_, at in rows)
    assert [found[name] for name in frauds[:3]] == [(1, 1)] * 3
    assert not found.keys() & set(genuine[:3])  # held, and nobody said what they were
    assert found[genuine[4]] == (0, 50)  # for one of two held ones nobody spoke
    assert found[genuine[5]] == (0, 1)
    version = training.train(spark, settings, training.Lesson(TINY, resamples=0), tmp_path / "features", Progress())
    client = MlflowClient(settings.registry.uri)
    run = client.get_run(client.get_model_version("trained", version).run_id)
    assert run.data.tags["data_version"] == "features@0,applied@0,decisions@0"


def test_labels_that_come_after_the_test_begins_are_not_learned_from(
    history: Path, features: Path, settings: Settings, tmp_path: Path
) -> None:
    split = Split(*(round((BEGIN + timedelta(days=days)).timestamp() * 1000) for days in (3, 15, 20, 24, 30)))
    made = material.of_files(features, history / "signals.parquet")
    material.write(made, settings.labels, split, split.test_until, tmp_path / "rows.parquet")
    frauds = {row["id"] for row in recorded() if row["fraud"]}
    rows = duckdb.sql(f"select transaction_id, label, event_ms from '{tmp_path}/rows.parquet'").fetchall()
    known_by = {name: at + 7 * 86_400_000 for name, _, at in rows if name in frauds}
    for name, label, at in rows:
        asked = split.test_from if at < split.train_until else split.test_until
        assert label == (name in frauds and known_by[name] <= asked)
    assert {label for name, label, _ in rows if name in frauds} == {0, 1}


def test_a_history_that_is_not_there_is_refused(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="transactions.parquet does not exist"):
        training.run(settings, training.Lesson(TINY, tmp_path), promote=False)
    with pytest.raises(UsageError, match="no run has landed anything"):
        training.run(settings, training.Lesson(TINY), promote=False)


def test_folds_know_what_was_known_when_they_began(
    spark: SparkSession, history: Path, features: Path, tmp_path: Path
) -> None:
    asked = plan(history / "data.parquet", tmp_path, BEGIN + timedelta(days=39))
    asked = asked._replace(train_until=None, fold_days=4, resamples=0)
    splits = asked.folds()
    assert [day(split.test_from) for split in splits] == ["2024-04-01", "2024-04-05"]
    assert all(split.train_until == split.test_from - 7 * 86_400_000 for split in splits)
    metrics = backtest.evaluate(spark, history, asked, TINY, policy.read(RULES), Progress())
    assert sum(fold["rows"] for fold in metrics["folds"]) == metrics["rows"]
    both = [fold["without_blocked_cards"]["average_precision"] for fold in metrics["folds"]]
    assert metrics["mean_of_folds"]["average_precision"] == pytest.approx(sum(both) / 2, abs=1e-6)
    with pytest.raises(LeakSuspected, match="too good to be true"):
        backtest._believe(metrics, asked._replace(leak_above=0.0))
    backtest._believe(metrics, asked._replace(leak_above=1.0))
    with pytest.raises(UsageError, match="not both"):
        asked._replace(train_days=5).folds()


def test_labels_are_shown_by_source_with_their_maturity(
    spark: SparkSession, history: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = settings.paths.run
    config.dump(settings, place / "settings.yaml")
    landed_lake(spark, history, place / "lake", {recorded()[0]["id"]: ("hold", False, 0.99)})
    monkeypatch.setattr(labels.landed, "require", lambda run: run / "lake")
    found = labels.run(place)
    known = sum(row["fraud"] for row in recorded() if row["at"].replace(tzinfo=UTC) < BEGIN + timedelta(days=DAYS - 7))
    assert found["sources"] == [{"source": "chargeback", "frauds": known, "genuine": 0, "overruled": 0}]
    assert found["curve"] == [0.0] * 7 + [1.0]
    assert (found["payments"], found["unseen"], found["delay_days"]) == (len(recorded()), 1, 7)
    assert json.loads((place / "labels" / "labels.json").read_text()) == found
    assert (place / "labels" / "maturity.png").stat().st_size > 1000
    assert "95% after 7 days" in labels.words(found)
    assert "fewer than 30 frauds are known" in labels.words(found | {"curve": None})
