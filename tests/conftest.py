"""For every test.

Java machines of tests live for seconds, and with the first compiler alone they start with half the work. What programs of a test
have logged last is told with a failure: where it ran, nobody may be able to look it up.
"""

import os
import time
from collections.abc import Generator
from pathlib import Path

import pytest

os.environ["JAVA_TOOL_OPTIONS"] = "-XX:TieredStopAtLevel=1"

MINUTES, LOGS, LINES = 15, 6, 25
"""How old a log may be, how many are told, and how much of each."""
_BASE = pytest.StashKey[Path]()


@pytest.fixture(scope="session", autouse=True)
def _base(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> None:
    request.config.stash[_BASE] = tmp_path_factory.getbasetemp()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and _BASE in item.config.stash:
        for log in _latest(item.config.stash[_BASE]):
            lines = log.read_text(errors="replace").splitlines()[-LINES:]
            report.sections.append((f"last lines of {log}", "\n".join(line[:300] for line in lines)))
    return report


def _latest(base: Path) -> list[Path]:
    written = {log: log.stat().st_mtime for log in base.glob("**/logs/*.log")}
    recent = [log for log, at in written.items() if at > time.time() - 60 * MINUTES]
    return sorted(recent, key=lambda log: written[log])[-LOGS:]
