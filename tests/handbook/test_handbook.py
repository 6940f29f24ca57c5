"""The Fraud Detection Handbook's data set under its own protocol. Needs its transactions as one Parquet file:

CLEARHOLD_HANDBOOK=transactions.parquet python -m pytest tests/handbook (or `make protocol DATA=transactions.parquet`)

Le Borgne, Siblini, Lebichot, Bontempi, Reproducible Machine Learning for Credit Card Fraud Detection (2022), chapters 3 to 5:
four test weeks, labels known seven days after a payment, cards with a known fraud removed. What is expected of the baselines is
what the book's 15 features reach there: only if they do is the rest to be believed.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pipelines.config import Lake
from pipelines.features import book
from pipelines.flows import backfill, backtest
from pipelines.ingest.mapping import read_mapping
from pipelines.ingest.sources import Source
from pipelines.rules import policy
from pipelines.train import fit, metrics
from pipelines.train.evaluate import unblocked
from pipelines.train.scores import Frauds, Scores

DATA = os.environ.get("CLEARHOLD_HANDBOOK", "")
pytestmark = [
    pytest.mark.skipif(
        not DATA, reason="needs the handbook's transactions: set CLEARHOLD_HANDBOOK to their Parquet file"
    ),
    pytest.mark.timeout(3_600),  # four weeks of features and four trainings
]
MAPPING, DAY = Path("conf/sources/handbook.yaml"), 86_400_000
WEEKS = [datetime(2018, 8, 8, tzinfo=UTC) + timedelta(weeks=week) for week in range(4)]
DELAY_DAYS, SPANS = 7, (1, 7, 30)
LEAK = 0.80


@pytest.fixture(scope="module")
def past() -> dict[str, Any]:
    """The book's 15 features (chapter 3), computed here and nowhere else: names of its columns -> values."""

    def within(key: str, days: int) -> str:
        span = f"range between interval {days * 86_400 - 1} second preceding and current row"
        return f"over (partition by {key} order by TX_DATETIME {span})"

    card = (
        f"count(*) {within('CUSTOMER_ID', days)} as c_n_{days}, avg(TX_AMOUNT) {within('CUSTOMER_ID', days)} as c_mean_{days}"
        for days in SPANS
    )
    terminal = (
        f"{what} {within('TERMINAL_ID', DELAY_DAYS + days)} - {what} {within('TERMINAL_ID', DELAY_DAYS)} as t_{name}_{days}"
        for days in SPANS
        for name, what in (("n", "count(*)"), ("frauds", "sum(TX_FRAUD)"))
    )
    risks = ", ".join(f"t_frauds_{days} / greatest(t_n_{days}, 1) as t_risk_{days}" for days in SPANS)
    return duckdb.sql(
        f"""select *, {risks} from (
        select cast(CUSTOMER_ID as varchar) as card, epoch_ms(cast(TX_DATETIME as timestamp)) as ms, TX_FRAUD as fraud,
               TX_AMOUNT as amount, (isodow(TX_DATETIME) >= 6)::int as weekend, (hour(TX_DATETIME) <= 6)::int as night,
               {", ".join(card)}, {", ".join(terminal)} from read_parquet('{DATA}'))
        where ms >= {_ms(WEEKS[0]) - 14 * DAY} and ms < {_ms(WEEKS[-1]) + 7 * DAY}"""
    ).fetchnumpy()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: make_pipeline(StandardScaler(), LogisticRegression(random_state=0, max_iter=1000)), 0.623),
        (lambda: RandomForestClassifier(random_state=0, n_jobs=2), 0.678),
    ],
    ids=["logistic regression", "random forest"],
)
def test_baselines_reach_what_the_book_says(past: dict[str, Any], make: Callable[[], Any], expected: float) -> None:
    names = ["amount", "weekend", "night"]
    names += [f"{name}_{days}" for days in SPANS for name in ("c_n", "c_mean", "t_n", "t_risk")]
    inputs = np.column_stack([np.asarray(past[name], dtype=float) for name in names])
    labels, times, cards = np.asarray(past["fraud"], float), past["ms"], past["card"].astype(str)
    reached = []
    for week in map(_ms, WEEKS):
        learned = (times >= week - 14 * DAY) & (times < week - 7 * DAY)
        tested = (times >= week) & (times < week + 7 * DAY)
        model = make().fit(inputs[learned], labels[learned])
        frauds = (labels > 0) & (times >= week - 14 * DAY) & (times < week + 7 * DAY)
        chances, one = model.predict_proba(inputs[tested])[:, 1], np.ones(tested.sum())
        scores = Scores(one, cards[tested], times[tested], labels[tested], chances, one, one, one, one)
        left = unblocked(scores, Frauds(cards[frauds], times[frauds]), DELAY_DAYS)
        reached.append(metrics.average_precision(labels[tested][left], chances[left]))
    print(f"average precision {np.mean(reached):.4f}: {[round(each, 4) for each in reached]}")
    assert np.mean(reached) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("days", "must"),
    [
        (None, {"average_precision": 0.735, "auc": 0.875, "card_precision_at_100": 0.305}),
        (7, {"average_precision": 0.70}),
    ],
    ids=["all history", "7 days"],
)
def test_the_four_test_weeks(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, days: int | None, must: dict[str, float]
) -> None:
    kept = tmp_path_factory.getbasetemp() / "features"
    plan = backtest.Plan(
        data=Path(DATA),
        mapping=MAPPING,
        train_from=None if days else datetime(2018, 5, 11, tzinfo=UTC),  # day 40
        train_until=None,
        test_from=WEEKS[0],
        test_until=WEEKS[-1] + timedelta(weeks=1),
        label_delay_days=DELAY_DAYS,
        out=tmp_path,
        features=kept,
        train_days=days,
        fold_days=7,
        resamples=0,
        leak_above=LEAK,
    )
    mean = backtest.run(plan, Lake(driver_memory="4g"), fit.FULL, policy.read(Path("conf/policy.yaml")))[
        "mean_of_folds"
    ]
    assert {name: mean[name] for name, least in must.items() if mean[name] < least} == {}


CUT = 45
"""Days after the first one from which labels or rows are changed."""


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Features of the first 60 days, after a change of the data: rows by transaction id."""

    def computed(name: str, columns: str = "*", where: str = "true") -> Any:
        place = tmp_path_factory.mktemp(name)
        chosen = f"select {columns} from read_parquet('{DATA}') where TX_TIME_DAYS < 60 and {where}"
        duckdb.sql(chosen).write_parquet(str(place / "data.parquet"))
        Source(place / "data.parquet", read_mapping(MAPPING)).write(place, DELAY_DAYS)
        backfill.in_own_process(place, place / "features", 2**62, "4g")
        return duckdb.read_parquet(f"{place}/features/*.parquet")

    return computed


@pytest.fixture(scope="module")
def whole(features: Callable[..., Any]) -> Any:
    return features("whole")


def differing(one: Any, other: Any, until: int) -> int:
    """Payments before a time (epoch milliseconds) that have another value in any feature, or stand in one of both only."""
    rows = f"select transaction_id, {', '.join(book.model_inputs())} from {{}} where event_ms < {until}"
    both = (rows.format("one"), rows.format("other"))
    count = duckdb.sql(f"select count(*) from (({both[0]} except {both[1]}) union all ({both[1]} except {both[0]}))")
    return int((count.fetchone() or (0,))[0])


def test_flipped_labels_change_no_feature_before_they_are_known(features: Callable[..., Any], whole: Any) -> None:
    begin = _ms(datetime(2018, 4, 1, tzinfo=UTC)) + CUT * DAY
    flipped = features("flipped", f"* replace (if(TX_TIME_DAYS >= {CUT}, 1 - TX_FRAUD, TX_FRAUD) as TX_FRAUD)")
    assert differing(whole, flipped, begin + DELAY_DAYS * DAY) == 0
    assert differing(whole, flipped, begin + (DELAY_DAYS + 1) * DAY) > 0


def test_deleted_days_change_no_earlier_row(features: Callable[..., Any], whole: Any) -> None:
    begin = _ms(datetime(2018, 4, 1, tzinfo=UTC)) + CUT * DAY
    cut = features("cut", where=f"TX_TIME_DAYS < {CUT}")
    assert differing(whole, cut, begin) == 0
    assert differing(whole, cut, begin + DAY) > 0


def _ms(time: datetime) -> int:
    return round(time.timestamp() * 1000)
