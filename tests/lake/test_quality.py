"""Every quality check passes on good rows, and each is shown rows that make it fail, and it alone."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from pipelines import config
from pipelines.catalog import QUALITY_TABLE, RECORDS_TABLE, Table
from pipelines.check import batches, checks, feature_checks, results
from pipelines.check.batches import Stretch
from pipelines.check.checks import Suite
from pipelines.check.quality import Inspector
from pipelines.check.results import Outcome, Report
from pipelines.check.suites import SUITES
from pipelines.config import Paths, Settings
from pipelines.errors import ClearholdError, QualityFailed, UsageError
from pipelines.features import book
from pipelines.flows import quality, quality_watch, training
from pipelines.land import declare
from pipelines.local.project import HERE
from pipelines.local.screen import Screen
from pipelines.train import fit

ROWS = 2 * checks.ENOUGH
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
BEGIN_MS = int(BEGIN.timestamp() * 1000)
STRETCH = Stretch(9, None, BEGIN, False)
CARD_NUMBER = "4111111111111111"
TYPES = {
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "string": pa.string(),
    "timestamp": pa.timestamp("us", "UTC"),
    "binary": pa.binary(),
    "boolean": pa.bool_(),
    "array<string>": pa.list_(pa.string()),
}
BY_UNIT = {"hours UTC": 12.0, "-1, 0 or 1": 0.0, "0 or 1": 0.0}


def place(n: int) -> dict[str, Any]:
    return {
        "kafka_partition": 0,
        "kafka_offset": n,
        "appended_at": BEGIN + timedelta(seconds=n),
        "source_partition": 0,
        "source_offset": n,
        "event_ms": BEGIN_MS + n * 1000 - 60_000,
    }


def paid(n: int) -> dict[str, Any]:
    who = {"transaction_id": f"t{n}", "card_id": f"c{n % 40}", "merchant_id": f"m{n % 9}", "event_time": "x"}
    return {**place(n), **who, "amount_minor": 1000 + n, "currency": "EUR", "channel": "online"}


def known(n: int) -> dict[str, Any]:
    if n % 10 == 0:
        return {**place(n), "signal_id": f"l{n}", "kind": "listing", "source": "analyst", "listing": "deny"}
    verdict = {
        "kind": "verdict",
        "source": "chargeback",
        "verdict": "fraud",
        "transaction_time": "2026-01-01T00:00:00Z",
    }
    return {**paid(n), "signal_id": f"v{n}", **verdict}


def logged(n: int, origin: str = "transactions", kind: str = "transaction") -> dict[str, Any]:
    about = {"kind": kind, "origin": origin, "event_id": f"t{n}", "card_seq": 2, "merchant_seq": 1, "device_seq": 1}
    numbers = {feature.name: BY_UNIT.get(feature.unit, 1.0) for feature in book.FEATURES}
    return {**paid(n), **about, **(numbers | {"amount": (1000 + n) / 100} if kind == "transaction" else {})}


def decided(n: int) -> dict[str, Any]:
    answer = {
        "action": "hold" if n % 50 == 0 else "approve",
        "probability": 0.01,
        "score": 0.02,
        "rules": [],
        "reasons": [],
    }
    made_by = {"model_version": "1", "policy_version": "p", "feature_set": "f", "decided_at_ms": BEGIN_MS + n * 1000}
    return {**paid(n), **answer, **made_by}


def repeated(n: int) -> dict[str, Any]:
    first = {"first_partition": 0, "first_offset": n, "cause": "resent", "action": "approve"}
    return {**place(ROWS + n), "transaction_id": f"t{n}", **first}


def refused(n: int) -> dict[str, Any]:
    kept = {"topic": "transactions", "reason": "bad_amount", "value": b"{}", "is_whole": True, "bytes": 2}
    return {**place(ROWS + n), **kept}


def sent(n: int) -> dict[str, Any]:
    return {**place(n), "topic": "transactions", "key": b"c", "value": b"{}"}


GOOD = {
    "transactions": [paid(n) for n in range(ROWS)],
    "signals": [known(n) for n in range(ROWS)],
    "features": [logged(n) for n in range(ROWS)],
    "applied": [
        *(logged(n, "history") for n in range(ROWS)),
        *(logged(ROWS + n, "signals", "verdict") for n in range(9)),
    ],
    "decisions": [decided(n) for n in range(ROWS)],
    "duplicates": [repeated(n) for n in range(9)],
    "quarantine": [refused(n) for n in range(9)],
    "records": [sent(n) for n in range(ROWS)],
}

TENTH = "where kafka_offset % 10 = 0"
FIFTH = "where kafka_offset = 5"
WHEN = {
    "not_in_the_future": f"set event_ms = event_ms + 2 * 86400000 {FIFTH}",
    "not_before_time": f"set event_ms = 0 {FIFTH}",
    "landed_once": "set kafka_offset = 4 where kafka_offset = 5",
}
LATE = "set event_ms = event_ms - 9 * 86400000 where kafka_offset % 10 = 5"
AMOUNT = {
    "amount_in_range": f"set amount_minor = 0 {FIFTH}",
    "currency_is_known": f"set currency = '{CARD_NUMBER}' {FIFTH}",
    "channel_is_known": f"set channel = '{CARD_NUMBER}' {FIFTH}",
}
OUTSIDE = {
    "major units": -1,
    "hours UTC": 25,
    "0 or 1": 2,
    "-1, 0 or 1": 3,
    "share": 1.5,
    "km": 30_000,
    "merchants": 0,
    "cards": 0,
}
LOGGED = {
    "numbers_are_finite": f"set card_z = 'inf' {FIFTH}",
    "amount_agrees": f"set amount = 100 * amount {FIFTH}",
    "features_are_known": "set " + ", ".join(f"{feature.name} = null" for feature in book.FEATURES[-40:]),
    "sequence_begins_at_one": f"set device_seq = 0 {FIFTH}",
    **{
        feature_checks.in_bounds(unit).name: f"set {[one.name for one in book.FEATURES if one.unit == unit][-1]} "
        f"= {OUTSIDE.get(unit, -1)} {TENTH}"
        for unit in feature_checks.units()
    },
    **{name: WHEN[name] for name in ("not_before_time", "landed_once")},
}
BROKEN: dict[str, dict[str, str]] = {
    "transactions": {
        "transaction_id_is_there": f"set transaction_id = ' ' {FIFTH}",
        "card_id_is_there": f"set card_id = null {FIFTH}",
        "merchant_id_is_there": f"set merchant_id = '' {FIFTH}",
        **AMOUNT,
        "amounts_in_proportion": f"set amount_minor = 1000000 * amount_minor {TENTH}",
        **WHEN,
        "not_late": LATE,
        "not_all_resent": "set transaction_id = 't' || (kafka_offset % 10)",
    },
    "signals": {
        "signal_id_is_there": f"set signal_id = '' {FIFTH}",
        "kind_is_known": f"set kind = 'rumour' {FIFTH}",
        "source_is_known": f"set source = 'somebody' {FIFTH}",
        "verdict_is_known": f"set verdict = null {FIFTH}",
        "listing_is_known": "set listing = 'perhaps' where kafka_offset = 10",
        "verdict_names_its_payment": f"set card_id = null {FIFTH}",
        "verdict_follows_its_payment": "set transaction_time = '2027-01-01T00:00:00.000Z' where kafka_offset % 10 = 5",
        **WHEN,
    },
    "features": {
        "kind_is_payment": f"set kind = 'verdict' {FIFTH}",
        "origin_is_live": f"set origin = 'history' {FIFTH}",
        **LOGGED,
    },
    "applied": {
        "kind_is_known": f"set kind = '{CARD_NUMBER}' {FIFTH}",
        "origin_is_beside": f"set origin = 'transactions' {FIFTH}",
        **LOGGED,
    },
    "decisions": {
        "decided_once": "set transaction_id = 't4' where kafka_offset = 5",
        "landed_once": WHEN["landed_once"],
        "transaction_id_is_there": f"set transaction_id = '' {FIFTH}",
        "model_version_is_there": f"set model_version = null {FIFTH}",
        "policy_version_is_there": f"set policy_version = '' {FIFTH}",
        "probability_is_one": f"set probability = 1.01 {FIFTH}",
        "score_is_one": f"set score = -0.01 {FIFTH}",
        "probability_is_plausible": "set probability = 0.5",
        "action_is_known": f"set action = '{CARD_NUMBER}' {FIFTH}",
        "not_everybody_is_held_up": "set action = 'challenge' where kafka_offset % 5 = 0",
        **AMOUNT,
        "clock_agrees": f"set decided_at_ms = decided_at_ms - 3600000 {TENTH}",
    },
    "duplicates": {
        "cause_is_known": "set cause = 'because' where first_offset = 5",
        "action_is_known": "set action = 'shrug' where first_offset = 5",
        "names_an_earlier_decision": "set first_offset = kafka_offset where first_offset = 5",
        "few_are_decided_twice": "delete from decisions where kafka_offset > 9; "
        "insert into duplicates select duplicates.* from duplicates, range(99)",
    },
    "quarantine": {
        "few_payments_are_refused": "insert into quarantine select quarantine.* from quarantine, range(99)",
        "reason_is_known": f"set reason = '{CARD_NUMBER}'",
        "own_records_are_readable": "set reason = 'unreadable'",
        "kept_bytes_are_bounded": "set value = encode(repeat('x', 20000))",
    },
    "records": {
        "topic_is_known": "set topic = 'gossip' where kafka_offset = 999",
        "no_gap": "delete from records where kafka_offset = 5",
        "bytes_are_kept": f"set value = null {TENTH}",
    },
}


def arrow(table: Table, rows: list[dict[str, Any]] | None = None) -> pa.Table:
    """Rows of a table, the good ones if none are given."""
    schema = pa.schema([(field.name, TYPES[field.type]) for field in table.columns])
    return pa.Table.from_pylist(GOOD[table.name] if rows is None else rows, schema=schema)


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    for suite in SUITES:
        rows = arrow(suite.table)
        made.register("rows", rows)
        made.execute(f"create table {suite.table.name} as select * from rows")
    return made


@pytest.fixture
def broken(database: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The good rows, to be spoiled: afterwards they are as before."""
    database.begin()
    yield database
    database.rollback()


def look(database: duckdb.DuckDBPyConnection, suite: Suite, docs: Path) -> tuple[Outcome, ...]:
    batch = batches.read(database, suite)
    assert batch is not None
    return tuple(Inspector(docs).look(suite, batch))


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.table.name)
def test_good_rows_pass_every_check(database: duckdb.DuckDBPyConnection, suite: Suite, tmp_path: Path) -> None:
    assert [one.check.name for one in look(database, suite, tmp_path) if one.passed is not True] == []


@pytest.mark.parametrize(
    ("suite", "name"),
    [
        pytest.param(suite, check.name, id=f"{suite.table.name}-{check.name}")
        for suite in SUITES
        for check in suite.checks
    ],
)
def test_every_check_fails_on_rows_that_are_broken_for_it(
    broken: duckdb.DuckDBPyConnection, suite: Suite, name: str, tmp_path: Path
) -> None:
    change = BROKEN[suite.table.name][name]
    broken.execute(f"update {suite.table.name} {change}" if change.startswith("set") else change)
    assert [one.check.name for one in look(broken, suite, tmp_path) if one.passed is False] == [name]


def test_a_few_odd_rows_are_no_alarm(broken: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    suite = next(suite for suite in SUITES if suite.table.name == "decisions")
    broken.execute("delete from decisions where kafka_offset > 20")
    broken.execute("update decisions set probability = 0.9, action = 'decline', decided_at_ms = 1")
    outcomes = {one.check.name: one.passed for one in look(broken, suite, tmp_path)}
    assert False not in outcomes.values()
    assert outcomes["not_everybody_is_held_up"] is None
    assert outcomes["probability_is_one"] is True


def test_only_what_has_come_since_is_read_and_the_newest_of_too_much(database: duckdb.DuckDBPyConnection) -> None:
    suite = SUITES[0]
    whole = batches.read(database, suite)
    assert whole is not None
    until = BEGIN + timedelta(seconds=ROWS - 1)
    assert whole.stretch == Stretch(ROWS, None, until, False)
    assert batches.read(database, suite, until) is None
    later = batches.read(database, suite, until - timedelta(seconds=10))
    assert later is not None
    assert later.stretch.rows == len(later.frame) == 10 + 60
    newest = batches.read(database, suite, most=100)
    assert newest is not None
    assert newest.stretch == Stretch(100, None, until, True)
    assert newest.frame["amount_in_range"].min() == 1000 + ROWS - 100


def test_a_check_that_cannot_be_carried_out_says_so_without_a_value(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    wrong = checks.Check("wrong", f"'{CARD_NUMBER}'", checks.MEAN, {"least": 0}, "none", "text has no mean")
    with pytest.raises(ClearholdError, match="check wrong of suite transactions could not be carried out") as said:
        look(database, SUITES[0]._replace(checks=(wrong,)), tmp_path)
    assert CARD_NUMBER not in str(said.value)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose tables hold the good rows."""
    config.dump(Settings(paths=Paths(run=tmp_path / "run")), tmp_path / "run" / "settings.yaml")
    for suite in SUITES:
        write_deltalake(tmp_path / "run" / "lake" / suite.table.name, arrow(suite.table))
    return tmp_path / "run"


def spoil(run: Path, name: str, column: str, value: Any) -> None:
    """One more row that is not as it should be."""
    suite = next(suite for suite in SUITES if suite.table.name == name)
    row = GOOD[name][0] | {"appended_at": BEGIN + timedelta(hours=1), column: value}
    offset = 10_000 + DeltaTable(run / "lake" / name).version()
    row |= {"kafka_offset": offset, "transaction_id": f"spoiled {offset}"}
    write_deltalake(run / "lake" / name, arrow(suite.table, [row]), mode="append")


def test_results_and_data_docs_are_left_and_hold_no_value_of_a_row(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "elsewhere"))
    for name, column in (("decisions", "currency"), ("decisions", "channel"), ("quarantine", "reason")):
        spoil(run, name, column, CARD_NUMBER)
    quality.run(run, Screen(run / "logs" / "it.log"))
    said = capsys.readouterr().out
    assert "warning: 2 of 8 suites fail: decisions, quarantine" in said
    written = [*run.joinpath("quality").rglob("*.html"), run / "logs" / "it.log"]
    kept = DeltaTable(run / "lake" / QUALITY_TABLE.name).to_pyarrow_table().to_pylist()
    assert len(written) > len(SUITES)
    assert len(kept) == sum(len(suite.checks) for suite in SUITES)
    for text in (said, json.dumps(kept, default=str), *(file.read_text() for file in written)):
        assert CARD_NUMBER not in text
        assert "t999" not in text
        assert "great-expectations-web-assets" not in text
    failed = {(row["suite"], row["check_name"]) for row in kept if row["passed"] is False}
    assert failed == {
        ("decisions", "currency_is_known"),
        ("decisions", "channel_is_known"),
        ("quarantine", "reason_is_known"),
    }
    assert {row["version"] for row in kept if row["suite"] == "decisions"} == {2}
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_failing_critical_suite_keeps_training_from_starting_until_it_passes(run: Path) -> None:
    settings, lesson = Settings(paths=Paths(run=run)), training.Lesson(fit.QUICK, run / "none", 7)
    with pytest.raises(UsageError, match="does not exist"):  # nobody has looked yet: it goes on to the history
        training.run(settings, lesson, promote=False)
    spoil(run, "features", "card_z", float("inf"))
    with pytest.raises(QualityFailed, match=r"critical quality suites fail \(features: numbers_are_finite\)"):
        quality.run(run, Screen(run / "logs" / "it.log"))
    with pytest.raises(QualityFailed, match=r"no training: .*features: numbers_are_finite.*make quality RUN="):
        training.run(settings, lesson, promote=False)
    assert QualityFailed.exit_code == 1
    good = DeltaTable(run / "lake" / "features")
    good.delete("card_z > 1e300")
    quality.run(run, Screen(run / "logs" / "it.log"))
    with pytest.raises(UsageError, match="does not exist"):
        training.run(settings, lesson, promote=False)


def test_a_suite_that_is_not_critical_keeps_nobody_from_training(run: Path) -> None:
    spoil(run, "decisions", "currency", "XXX")
    quality.run(run, Screen(run / "logs" / "it.log"))
    assert results.standing(run / "lake").failing == {"decisions": ["currency_is_known"]}
    training.require_quality(run)


def test_what_cannot_be_judged_stands_as_it_did_and_what_is_no_check_any_more_does_not_count(tmp_path: Path) -> None:
    suite = SUITES[0]
    gone = suite.checks[0]._replace(name="a check of yesterday")
    for hour, passed in enumerate((True, False, None)):
        outcomes = (Outcome(suite.checks[0], passed, None), Outcome(gone, False, None))
        results.append(tmp_path, [Report(suite, 0, STRETCH, outcomes)], BEGIN + timedelta(hours=hour))
    assert results.standing(tmp_path) == results.Standing(("transactions",), {"transactions": [suite.checks[0].name]})
    assert results.standing(tmp_path).blocking
    for passed in (True, None):
        results.append(tmp_path, [Report(suite, 0, STRETCH, (Outcome(suite.checks[0], passed, None),))])
        assert results.standing(tmp_path) == results.Standing(("transactions",), {})


def test_the_table_that_landing_declares_is_written_and_read_without_spark(spark: SparkSession, tmp_path: Path) -> None:
    declare._make(spark, QUALITY_TABLE, tmp_path / QUALITY_TABLE.name)
    declare._evolve(spark, QUALITY_TABLE, tmp_path / QUALITY_TABLE.name)
    results.append(tmp_path, [Report(SUITES[0], 3, STRETCH, (Outcome(SUITES[0].checks[0], False, 0.5),))])
    assert spark.read.format("delta").load(str(tmp_path / QUALITY_TABLE.name)).count() == 1
    assert results.standing(tmp_path).facts() == {"suites": 1, "failed": 1}
    assert results.reached(tmp_path) == {"transactions": BEGIN}


def test_whoever_follows_looks_after_so_many_batches_and_says_how_suites_stand(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(run, "decisions", "currency", CARD_NUMBER)
    looks: list[int] = []
    turns, lake = iter(range(8)), run / "lake"
    monkeypatch.setattr(quality_watch, "POLL_SECONDS", 0)

    def looked(place: Path, stopping: Any, only_new: bool) -> str:
        looks.append(quality_watch.version(place / "lake" / RECORDS_TABLE.name))
        quality.run(place, Screen(place / "logs" / "it.log"), only_new)
        return ""

    def stopping() -> bool:
        turn = next(turns, None)
        if turn is not None:
            write_deltalake(lake / RECORDS_TABLE.name, arrow(RECORDS_TABLE, [sent(ROWS + turn)]), mode="append")
        return turn is None

    monkeypatch.setattr(quality_watch, "looked", looked)
    quality_watch.follow(run, 3, stopping)
    assert looks == [3, 6]
    said = json.loads((run / "status" / "quality.json").read_text())
    assert (said["state"], said["suites"], said["failed"]) == ("stopped", 8, 1)
    assert said["failing"] == {"decisions": ["currency_is_known"]}
    assert said["message"] == "1 of 8 suites fail: decisions: currency_is_known"


def test_a_look_in_a_process_of_its_own_ends_well_whatever_it_finds_but_not_when_it_crashes(
    run: Path, tmp_path: Path
) -> None:
    spoil(run, "features", "card_z", float("nan"))
    assert quality_watch.looked(run, folder=HERE.root) == ""
    assert results.standing(run / "lake").blocking == {"features": ["numbers_are_finite"]}
    assert quality_watch.stands(run)["failing"] == {"features": ["numbers_are_finite"]}
    assert "training is refused" in (run / "logs" / "quality.log").read_text()
    assert "exit code 2" in quality_watch.looked(tmp_path / "nothing", folder=HERE.root)
    write_deltalake(run / "lake" / "records", pa.table({"topic": ["x"]}), mode="overwrite", schema_mode="overwrite")
    assert "exit code 1" in quality_watch.looked(run, folder=HERE.root)


def test_a_run_that_has_landed_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run has landed anything"):
        quality.run(tmp_path, Screen(tmp_path / "it.log"))
    assert list(tmp_path.iterdir()) == []
