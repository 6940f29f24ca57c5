"""Suites are data: each check says what it means, and asks for columns that are there."""

import duckdb
import pytest

from pipelines.catalog import TABLES, Table
from pipelines.check import checks, feature_checks
from pipelines.check.checks import Check, Suite
from pipelines.check.suites import SUITES
from pipelines.features import book

CHECKS = [
    pytest.param(suite, check, id=f"{suite.table.name}-{check.name}") for suite in SUITES for check in suite.checks
]
ARGUMENTS = {
    checks.BETWEEN: {"least", "most"},
    checks.MEAN: {"least", "most"},
    checks.ONE_OF: {"values"},
    checks.PRESENT: set(),
    checks.UNIQUE: set(),
}
TYPES = {
    "string": "varchar",
    "timestamp": "timestamptz",
    "binary": "blob",
    "array<string>": "varchar[]",
    "array<double>": "double[]",
}


def declared(table: Table) -> str:
    """DDL of a table, for DuckDB."""
    return ", ".join(f'"{field.name}" {TYPES.get(field.type, field.type)}' for field in table.columns)


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    for table in TABLES:
        made.execute(f"create table {table.name} ({declared(table)})")
    return made


@pytest.mark.parametrize(("suite", "check"), CHECKS)
def test_a_check_says_why_and_in_what_unit_and_its_columns_are_declared(
    database: duckdb.DuckDBPyConnection, suite: Suite, check: Check
) -> None:
    assert check.why.strip()
    assert check.unit.strip()
    assert set(check.arguments) <= ARGUMENTS[check.kind]
    assert check.arguments or not ARGUMENTS[check.kind], "it would never fail"
    rows = " union all by name ".join(
        f"select *, '' as landed_in from {table.name}" for table in (suite.table, *suite.beside)
    )
    assert database.execute(f"select {check.sql} from ({rows})").fetchall() == []


def test_every_table_that_lands_has_one_suite_and_every_check_a_name_of_its_own() -> None:
    written = [table.name for table in TABLES if table.writer == "land"]
    assert sorted(suite.table.name for suite in SUITES) == sorted(written)
    for suite in SUITES:
        names = [check.name for check in suite.checks]
        assert len(names) == len(set(names))
        assert suite.why


def test_every_feature_has_bounds_or_a_unit_that_has_none() -> None:
    assert {feature.unit for feature in book.FEATURES} == set(feature_checks.BOUNDS)


@pytest.mark.parametrize(
    "form",
    ["range", "'t' || range", "'t7d0006' || (range % 10) || 'n000' || lpad((range // 10)::varchar, 4, '0')"],
)
def test_texts_that_differ_are_told_apart(database: duckdb.DuckDBPyConnection, form: str) -> None:
    told = checks.unique("one", f"({form})::varchar", "").sql
    assert database.execute(f"select count(distinct {told}) from range(100000)").fetchone() == (100_000,)


def test_what_may_be_odd_is_judged_on_enough_rows_only() -> None:
    for suite in SUITES:
        for check in suite.checks:
            assert (check.mostly < 1 or check.kind == checks.MEAN) == (check.min_rows >= checks.ENOUGH)
