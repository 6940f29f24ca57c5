"""The search for how to fit: on validation folds only, given up early, and gone on with after a kill."""

from pathlib import Path

import optuna
import pytest
from pyspark.sql import DataFrame, SparkSession

from pipelines.errors import UsageError
from pipelines.flows import tuning
from pipelines.train import fit, tune
from pipelines.train.progress import Progress
from pipelines.train.split import DAY, Split, day
from pipelines.train.tune import Trialled

SPLIT = Split(0, 35 * DAY, 42 * DAY, 49 * DAY, 56 * DAY)
FACTS = ["0D as is_online", "0D as is_atm", "99D as card_age_days", "1D as weight"]


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    """56 days of payments: the larger the amount, the likelier a fraud. In the test days it is the other way round."""
    made = spark.range(4000).selectExpr(
        "concat('t', id) as transaction_id",
        "concat('c', id % 50) as card_id",
        f"floor(id / 4000 * 56 * {DAY}) as event_ms",
        "rand(1) as amount",
        "rand(2) as noise",
    )
    risk = f"if(event_ms < {SPLIT.train_until}, amount, 1 - amount)"
    return made.selectExpr("*", f"double({risk} + rand(3) > 1.7) as label", *FACTS).coalesce(2).cache()


def quick(trial: optuna.Trial, method: tune.Method) -> fit.Profile:
    """One good way to fit and others that cannot learn: trees without a split."""
    depth = trial.suggest_categorical("depth", [0, 2])
    return fit.Profile(
        "tuned", trees=2, step=0.3, depth=depth, bins=16, genuine_per_fraud=trial.suggest_float("g", 2, 4)
    )


def search(rows: DataFrame, study: optuna.Study, trials: int) -> list[Trialled]:
    told: list[Trialled] = []
    folds = tune.validation_folds(SPLIT, 7)
    tune.search(study, "random", trials, rows, {"amount": 0.0, "noise": 0.0}, folds, Progress(), told.append)
    return told


def test_folds_lie_inside_the_training_days_with_the_label_delay_before_each() -> None:
    folds = tune.validation_folds(SPLIT, 7)
    assert [(day(fold.judge_from), day(fold.judge_until)) for fold in folds] == [
        ("1970-01-22", "1970-01-29"),
        ("1970-01-29", "1970-02-05"),
        ("1970-02-05", "1970-02-12"),
    ]
    assert folds[-1].judge_until == SPLIT.train_until < SPLIT.test_from
    assert all(fold.until == fold.judge_from - 7 * DAY for fold in folds)
    with pytest.raises(UsageError, match="too few days"):
        tune.validation_folds(SPLIT._replace(fit_from=30 * DAY), 7)


def test_a_search_finds_what_ranks_gives_up_what_does_not_and_goes_on_where_it_was(
    rows: DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tune, "proposed", quick)
    storage = f"sqlite:///{tmp_path}/study.db"
    first = search(rows, tune.study(storage, "s", "random"), 5)
    assert [trial.number for trial in first] == [0, 1, 2, 3, 4]
    again = tune.study(storage, "s", "random")
    assert len(tune.finished(again)) == 5
    more = search(rows, again, 9)
    assert [trial.number for trial in more] == [5, 6, 7, 8]
    assert search(rows, again, 9) == []
    assert again.best_params["depth"] == 2
    assert again.best_value > 0.08  # on the test days the same model would rank backwards
    given_up = [trial for trial in (*first, *more) if trial.pruned]
    assert given_up
    assert all(len(again.trials[trial.number].intermediate_values) < 3 for trial in given_up)


@pytest.mark.parametrize("method", ["random", "grid", "bayes"])
def test_every_method_proposes_what_can_be_fitted(method: tune.Method, tmp_path: Path) -> None:
    study = tune.study(f"sqlite:///{tmp_path}/study.db", "s", method)
    for _ in range(8):
        trial = study.ask()
        profile = tune.proposed(trial, method)
        assert profile.bins >= 256
        assert 50 <= profile.trees <= 160
        study.tell(trial, 0.1)
    best = tune.best(study)
    assert best is not None and best.name == "tuned"


def test_the_next_training_reads_what_a_search_has_left(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make tune"):
        tuning.tuned(tmp_path)
    (tmp_path / "tuning").mkdir()
    found = fit.FULL._replace(name="tuned", depth=4)
    tuning.put_json(tmp_path / "tuning" / "best.json", found._asdict() | {"average_precision": 0.5, "method": "grid"})
    assert tuning.tuned(tmp_path) == found
