"""Stream against batch: every feature vector of the lake computed anew and compared. Leaves parity.json in the run's folder."""

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pipelines.check import attempts
from pipelines.errors import Mismatch, UsageError
from pipelines.features import book
from pipelines.files import put_json
from pipelines.flows import hot_runtime
from pipelines.local import landed
from pipelines.local.project import Project
from pipelines.local.screen import Screen
from pipelines.monitor import text

FILE: Final = "parity.json"
SHOWN: Final = 10
MEMORY: Final = "2g"


def run(project: Project, place: Path, screen: Screen) -> None:
    """Compare what the lake of a run holds, live or stopped.

    Args:
        project: where environments and jars are.
        place: folder of the run.
        screen: told what is being done.

    Raises:
        UsageError: nothing of it has landed, or nothing that could be compared.
        EnvironmentProblem: the hot runtime does not work here.
        Mismatch: a feature differs.
    """
    lake, began = landed.require(place), time.monotonic()
    with tempfile.TemporaryDirectory(dir=place, prefix="parity-") as scratch:
        logged, out = Path(scratch) / "logged.parquet", Path(scratch) / FILE
        rows = attempts.export(attempts.opened(lake), logged)
        screen.say(f"computing {len(book.FEATURES)} features of {rows:,} landed events anew, in the stream's order")
        options = {"--logged": logged.resolve(), "--out": out.resolve(), "--memory": MEMORY}
        hot_runtime.run(
            project,
            "jobs.compare_features",
            options,
            "features could not be compared",
            lambda seconds: screen.say(f"still computing after {seconds:.0f} s"),
        )
        found = json.loads(out.read_text()) | {"seconds": round(time.monotonic() - began, 1)}
    file = put_json(place / FILE, found)
    screen.print(f"\n{words(found)}\n\n  {file}")
    if not found["compared"]:
        raise UsageError(f"nothing could be compared: the lake of {place} holds no payment whose past is whole")
    if found["mismatches"]:
        raise Mismatch(f"{found['mismatches']:,} features are not what the batch compiler computes: see {file}")


def words(found: Mapping[str, Any]) -> str:
    """What was found, for people."""
    left_out = f", {found['left_out']:,} left out: a part of their past is not in the lake" if found["left_out"] else ""
    lines = [
        f"  parity        {found['payments']:,} payments x {found['features']} features: {found['compared']:,} values compared"
        f"{left_out}",
        f"  mismatches    {found['mismatches']:,} ({found['seconds']:.0f} s)",
    ]
    worst = sorted(found["columns"].items(), key=lambda item: -item[1]["mismatches"])[:SHOWN]
    if worst:
        rows = [("feature", "mismatches", "largest difference")]
        rows += [(name, f"{column['mismatches']:,}", f"{column['worst']:.6g}") for name, column in worst]
        lines += ["", text.table(rows)]
    return "\n".join(lines)
