from pathlib import Path

import pytest
from pyspark.ml import PipelineModel
from pyspark.sql import SparkSession

from pipelines import registry
from pipelines.config import Registry
from pipelines.errors import ModelRejected, Unavailable, UsageError
from pipelines.train import fit
from pipelines.train.publish import Evidence, publish

pytestmark = pytest.mark.filterwarnings("ignore:.*AnyType:UserWarning")  # MLflow about its own type hints


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return Registry(uri=f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.sqlite", model="tested")


@pytest.fixture(scope="module")
def versions(spark: SparkSession, settings: Registry, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two registered versions of a small model."""
    rows = spark.range(200).selectExpr("double(id % 7) as amount", "double(id % 7 > 4) as label", "1D as weight")
    model: PipelineModel = fit.fit(rows, {"amount": 0.0}, fit.Profile("tiny", trees=2, step=0.5, depth=2))
    picture = tmp_path_factory.mktemp("pictures") / "roc.png"
    picture.write_bytes(b"png")
    serving = {"feature_set": "f1", "inputs": {"amount": 0.0}, "calibration": "1D", "trained_until": "2024-01-01"}
    evidence = Evidence(serving, {"since": 0}, {"trees": 2}, {"auc": 0.9}, [picture], {"data_version": "data-1"})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(
            tmp_path_factory.mktemp("artifacts")
        )  # a registry without a server keeps artifacts below the folder it is called in
        yield [publish(settings, model, evidence, tmp_path_factory.mktemp("scratch")) for _ in range(2)]


def test_no_champion_before_the_first_promotion(versions: list[str], settings: Registry) -> None:
    assert versions == ["1", "2"]
    assert registry.champion_version(settings) is None
    assert registry.champion_version(settings.model_copy(update={"model": "unheard-of"})) is None


def test_promotion_and_the_way_back(versions: list[str], settings: Registry) -> None:
    for version in ("1", "2", "2"):
        registry.promote(settings, version)
        assert registry.champion_version(settings) == version
    assert registry.rollback(settings) == "1"
    assert registry.champion_version(settings) == "1"
    with pytest.raises(UsageError, match="nothing to roll back to"):
        registry.rollback(settings)


def test_what_is_not_there_is_refused(versions: list[str], settings: Registry, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no version 99"):
        registry.promote(settings, "99")
    with pytest.raises(ModelRejected, match="no version 99"):
        registry.fetch(settings, "99", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_fetched_model_loads_and_knows_how_to_serve(
    spark: SparkSession, versions: list[str], settings: Registry, tmp_path: Path
) -> None:
    folder = registry.fetch(settings, versions[0], tmp_path)
    assert folder == tmp_path / versions[0]
    assert registry.serving(folder)["inputs"] == {"amount": 0.0}
    rows = PipelineModel.load(str(folder / "sparkml")).transform(spark.createDataFrame([(6.0,)], "amount double"))
    assert rows.first().prediction == 1.0
    away = settings.model_copy(update={"uri": "http://127.0.0.1:9"})
    assert registry.fetch(away, versions[0], tmp_path) == folder  # what is on disk needs no registry


def test_a_harmed_copy_is_rejected(versions: list[str], settings: Registry, tmp_path: Path) -> None:
    folder = registry.fetch(settings, versions[1], tmp_path)
    next(folder.rglob("*.parquet")).write_bytes(b"other trees")
    with pytest.raises(ModelRejected, match="not what its manifest says"):
        registry.fetch(settings, versions[1], tmp_path)


def test_files_harmed_where_the_registry_keeps_them_are_rejected(
    versions: list[str], settings: Registry, tmp_path: Path
) -> None:
    kept = [file for file in Path.cwd().rglob("serving.json") if file.is_file()]
    before = {file: file.read_text() for file in kept}
    for file in kept:
        file.write_text('{"calibration": "0D"}')
    try:
        with pytest.raises(ModelRejected, match="serving.json"):
            registry.fetch(settings, versions[0], tmp_path)
    finally:
        for file, content in before.items():
            file.write_text(content)
    assert kept
    assert list(tmp_path.iterdir()) == []


def test_a_registry_that_does_not_answer_is_said_in_one_line(tmp_path: Path) -> None:
    away = Registry(uri="http://127.0.0.1:9")
    for ask in (
        lambda: registry.champion_version(away),
        lambda: registry.promote(away, "1"),
        lambda: registry.rollback(away),
        lambda: registry.fetch(away, "1", tmp_path),
    ):
        with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:9 does not answer") as refusal:
            ask()
        assert "\n" not in str(refusal.value)
