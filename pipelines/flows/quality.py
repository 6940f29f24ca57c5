"""Quality of landed rows, looked at now, every suite; leaves results, Data Docs and quality.json with the run."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from pipelines.check import batches, results, suites
from pipelines.check.quality import Inspector
from pipelines.check.results import Outcome, Report
from pipelines.errors import QualityFailed
from pipelines.files import put_json
from pipelines.folders import Folder
from pipelines.local import landed
from pipelines.local.screen import Screen
from pipelines.monitor import text

DOCS: Final = "quality"
"""Folder of the Data Docs in a run's folder."""
FILE: Final = "quality.json"
_WORDS: Final = {True: "passed", False: "FAILED", None: "too few to say"}


def run(place: Path, screen: Screen, only_new: bool = False) -> None:
    """Carry out every suite whose table has rows.

    Args:
        place: folder of a run, live or stopped.
        screen: told what is being done.
        only_new: look at rows that have landed since they were last looked at, rather than at all.

    Raises:
        UsageError: nothing of it has landed.
        QualityFailed: a critical suite fails.
    """
    lake = landed.require(place)
    screen.say(f"looking at what has landed in {lake}")
    inspector = Inspector(place / DOCS)
    reports = look(lake, inspector, results.reached(lake) if only_new else {})
    if not reports:
        screen.say("nothing has come since")
        return
    results.append(lake, reports)
    index, standing = inspector.write_docs(), results.standing(lake)
    put_json(place / FILE, {**standing.facts(), "failing": standing.failing, "message": standing.words()})
    screen.print("\n" + "\n\n".join(map(words, reports)) + f"\n\n  {verdict(reports)}\n  {index}")
    if blocking := [report for report in reports if report.suite.critical and report.failing]:
        named = "; ".join(f"{each.suite.table.name}: {', '.join(each.failing)}" for each in blocking)
        raise QualityFailed(f"critical quality suites fail ({named}): training is refused until they pass; see {index}")


def look(lake: Folder, inspector: Inspector, since: dict[str, datetime]) -> list[Report]:
    """What each suite comes to on the rows of its table after `since` (by table; all where it is not in there)."""
    database, versions = batches.opened(lake, suites.SUITES)
    reports = []
    for suite in suites.SUITES:
        if not {table.name for table in (suite.table, *suite.beside)} <= versions.keys():
            continue
        batch = batches.read(database, suite, since.get(suite.table.name))
        if batch is not None:
            outcomes = tuple(inspector.look(suite, batch))
            reports.append(Report(suite, versions[suite.table.name], batch.stretch, outcomes))
    return reports


def words(report: Report) -> str:
    """A suite for people."""
    name = f"{report.suite.table.name}{' (critical)' if report.suite.critical else ''}"
    cut = ", the newest of more" if report.stretch.is_cut else ""
    beside = f" with those of {', '.join(table.name for table in report.suite.beside)}" if report.suite.beside else ""
    since = f" since {report.stretch.since:%Y-%m-%d %H:%M:%S}" if report.stretch.since else ""
    cells = [_cells(outcome) for outcome in report.outcomes]
    passed = sum(outcome.passed is True for outcome in report.outcomes)
    head = f"  {name}: {passed} of {len(cells)} checks passed on {report.stretch.rows:,} rows{beside}{since}{cut}"
    return f"{head}\n{text.table(cells, left=True)}"


def verdict(reports: Sequence[Report]) -> str:
    """All suites in one line."""
    failing = [report for report in reports if report.failing]
    if not failing:
        return f"{len(reports)} suites, none fails"
    named = ", ".join(f"{each.suite.table.name}{' (critical)' if each.suite.critical else ''}" for each in failing)
    return f"warning: {len(failing)} of {len(reports)} suites fail: {named}"


def _cells(outcome: Outcome) -> tuple[str, ...]:
    observed = "-" if outcome.observed is None else f"{outcome.observed:.4g}"
    return (f"  {_WORDS[outcome.passed]}", outcome.check.name, observed, outcome.unit)
