"""What checks came to, in the table `quality`: written and read without Spark and without what carries them out."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from pipelines import reading, rows
from pipelines.catalog import QUALITY_TABLE
from pipelines.check import checks, suites
from pipelines.check.batches import EPOCH, Stretch
from pipelines.check.checks import Check, Suite
from pipelines.folders import Folder

_NEWEST: Final = """
select suite, check_name, passed from quality where passed is not null
qualify row_number() over (partition by suite, check_name order by checked_at desc) = 1
"""


class Outcome(NamedTuple):
    """What a check came to.

    Attributes:
        check: which one.
        passed: None when there were too few values to say.
        observed: of a check on a mean, the mean; otherwise the share of rows that are not as expected. None of nothing.
    """

    check: Check
    passed: bool | None
    observed: float | None

    @property
    def unit(self) -> str:
        """Of what was observed."""
        return self.check.unit if self.check.kind == checks.MEAN else "share of rows"


class Report(NamedTuple):
    """What a suite came to on a stretch of rows; `version` is the Delta version of its table."""

    suite: Suite
    version: int
    stretch: Stretch
    outcomes: tuple[Outcome, ...]

    @property
    def failing(self) -> list[str]:
        """Names of checks that failed."""
        return [outcome.check.name for outcome in self.outcomes if outcome.passed is False]


class Standing(NamedTuple):
    """How suites stand: those that were ever judged, and suite -> checks that failed when they were last judged."""

    judged: tuple[str, ...]
    failing: dict[str, list[str]]

    @property
    def blocking(self) -> dict[str, list[str]]:
        """Of the critical ones."""
        critical = {suite.table.name for suite in suites.SUITES if suite.critical}
        return {name: checks for name, checks in self.failing.items() if name in critical}

    def facts(self) -> dict[str, int]:
        """For a run's summary."""
        return {"suites": len(self.judged), "failed": len(self.failing)}

    def words(self) -> str:
        """In one line."""
        if not self.failing:
            return f"{len(self.judged)} suites, none fails" if self.judged else "no suite was looked at yet"
        named = "; ".join(f"{suite}: {', '.join(checks)}" for suite, checks in self.failing.items())
        return f"{len(self.failing)} of {len(self.judged)} suites fail: {named}"


def append(lake: Folder, reports: Iterable[Report], checked_at: datetime | None = None) -> None:
    """Write down what suites came to."""
    now = checked_at or datetime.now(UTC)
    rows.append(lake, QUALITY_TABLE, [row for report in reports for row in _rows(report, now)])


def standing(lake: Folder) -> Standing:
    """How the suites of today stand. A check that could not be judged lately stands as it did when it last was."""
    newest = _asked(lake, _NEWEST)
    known = {(suite.table.name, check.name) for suite in suites.SUITES for check in suite.checks}
    found = {(suite, check): passed for suite, check, passed in newest if (suite, check) in known}
    failing: dict[str, list[str]] = {}
    for suite, check in sorted(name for name, passed in found.items() if not passed):
        failing.setdefault(suite, []).append(check)
    return Standing(tuple(sorted({suite for suite, _ in found})), failing)


def reached(lake: Folder) -> dict[str, datetime]:
    """Up to when the rows of each suite have been looked at."""
    found = _asked(lake, "select suite, epoch_us(max(until)) from quality group by suite")
    return {suite: EPOCH + timedelta(microseconds=micros) for suite, micros in found}


def _rows(report: Report, now: datetime) -> list[dict[str, Any]]:
    stretch = report.stretch
    about = {
        "checked_at": now,
        "suite": report.suite.table.name,
        "version": report.version,
        "critical": report.suite.critical,
        "row_count": stretch.rows,
        "is_cut": stretch.is_cut,
        "since": stretch.since,
        "until": stretch.until,
    }
    return [
        {**about, "check_name": one.check.name, "passed": one.passed, "observed": one.observed, "unit": one.unit}
        for one in report.outcomes
    ]


def _asked(lake: Folder, sql: str) -> list[tuple[Any, ...]]:
    if not reading.are_there(lake, QUALITY_TABLE):
        return []
    return reading.opened(lake, QUALITY_TABLE).execute(sql).fetchall()
