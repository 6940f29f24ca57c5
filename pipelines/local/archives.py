"""Class archives: what Java loads whenever Spark starts, parsed once and mapped from then on. Standard library only.

Java checks an archive against itself and the jars, and does without one that does not fit; so nothing depends on them but the
seconds that a start takes. Method: JEP 350, dynamic class data archives.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.files import put_json
from pipelines.local import commands
from pipelines.local.java import Java
from pipelines.local.project import Environment, Project

STAMP = "classes.json"


def is_ready(environment: Environment, java: Java | None) -> bool:
    """Whether the environment's archive was made by this Java from the jars that are there now."""
    try:
        found = json.loads((environment.folder / STAMP).read_text())
    except (OSError, ValueError):
        return False
    return java is not None and bool(found == _wanted(environment, java))


def make(project: Project, environment: Environment, java: Java, log: Path, note: Callable[[str], None]) -> None:
    """Let Spark start once, do a little of everything and leave the archive in the environment's folder.

    A Java that cannot leave one leaves none, and is not asked again.

    Raises:
        EnvironmentProblem: Spark does not start.
    """
    names = {"JAVA_HOME": str(java.home), "SPARK_LOCAL_IP": "127.0.0.1", **project.logging(environment)}
    command = [str(environment.python), "-m", "jobs.archive_classes", environment.name]
    commands.run(command, log, lambda _: note("Spark starts once"), {**os.environ, **names})
    put_json(environment.folder / STAMP, _wanted(environment, java))


def _wanted(environment: Environment, java: Java) -> dict[str, Any]:
    jars = {file.name: file.stat().st_mtime_ns for file in sorted(environment.site.glob("pyspark/jars/*.jar"))}
    return {"java": str(java.home.resolve()), "version": java.version, "jars": jars}
