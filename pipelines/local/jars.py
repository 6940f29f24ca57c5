"""Jars that no wheel carries: fetched by the Ivy inside pyspark, checked against their sums, kept in `.jars`.

Standard library only. A stamp holds the declaration's hash and each file's size and time, so that the second look takes
milliseconds; a file that changed since is summed again.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.errors import EnvironmentProblem
from pipelines.local import commands
from pipelines.local.java import Java, network_options
from pipelines.local.project import Environment, Project

STORE = "store"
"""Folder of the jars that only an object store needs: they are fetched apart from the others."""


def sums(project: Project, store: bool = False) -> dict[str, str]:
    """The declared jars, those that everybody needs or those for a store: path below `.jars` to SHA-256."""
    lines = (project.conf / "jars.sha256").read_text().splitlines()
    declared = {path.strip(): digest for digest, path in (line.split(maxsplit=1) for line in lines if line.strip())}
    return {path: digest for path, digest in declared.items() if path.startswith(f"{STORE}/") is store}


def is_ready(project: Project, store: bool = False) -> bool:
    """Whether every declared jar is there and was verified."""
    stamp = _stamp(project, store)
    try:
        if json.loads(stamp.read_text()) == _seen(project, store):
            return True
    except (OSError, ValueError):
        pass
    if wrong(project, project.jars, store):
        return False
    stamp.write_text(json.dumps(_seen(project, store), indent=1))
    return True


def wrong(project: Project, folder: Path, store: bool = False) -> list[str]:
    """Jars below `folder` that are missing or are not what was declared, one line each."""
    wanted = sums(project, store)
    found = {path: _digest(folder / path) for path in wanted}
    said = {path: "is missing" if not found[path] else "is not what was declared" for path in found}
    return [f"{path} {said[path]}" for path, digest in wanted.items() if found[path] != digest]


def install(
    project: Project,
    environment: Environment,
    java: Java,
    log: Path,
    note: Callable[[str], None],
    store: bool = False,
) -> None:
    """Fetch, verify, then put in place: a folder of jars is either whole or the one from before.

    Raises:
        EnvironmentProblem: a jar could not be fetched, or is not the one that was declared.
    """
    part = project.jars / "part"
    shutil.rmtree(part, ignore_errors=True)
    command = [java.command, *network_options(java, os.environ), "-jar", str(_ivy(environment))]
    command += ["-cache", str(project.jars / "ivy"), "-ivy", str(project.conf / "jars.xml")]
    command += ["-retrieve", str(part / "[conf]" / "[artifact]-[revision].[ext]"), "-warn"]
    command += ["-confs", *sorted({path.split("/")[0] for path in sums(project, store)})]
    commands.run(command, log, lambda _: note(_how_far(project, store)))
    problems = wrong(project, part, store)
    if problems:
        raise EnvironmentProblem(
            f"jars: {problems[0]} ({len(problems)} in all): not installed; check your Maven mirror"
        )
    for folder in part.iterdir():
        shutil.rmtree(project.jars / folder.name, ignore_errors=True)
        folder.rename(project.jars / folder.name)
    part.rmdir()
    _stamp(project, store).write_text(json.dumps(_seen(project, store), indent=1))


def _stamp(project: Project, store: bool) -> Path:
    return project.jars / f"verified{'-store' if store else ''}.json"


def _how_far(project: Project, store: bool) -> str:
    described = len(list(project.jars.glob("ivy/**/ivy-*.xml")))
    total, fetched = len(sums(project, store)), len(list(project.jars.glob("ivy/**/*.jar")))
    return f"{min(fetched, total)} of {total} jars fetched" if fetched else f"{described} found in the repository"


def _ivy(environment: Environment) -> Path:
    found = sorted(environment.site.glob("pyspark/jars/ivy-*.jar"))
    if not found:
        raise EnvironmentProblem(f"{environment.folder} holds no Ivy: remove that folder and run `make setup` again")
    return found[-1]


def _seen(project: Project, store: bool) -> dict[str, Any]:
    declared = (project.conf / "jars.xml").read_bytes() + (project.conf / "jars.sha256").read_bytes()
    stats = {path: (project.jars / path).stat() for path in sums(project, store) if (project.jars / path).exists()}
    files = {path: [stat.st_size, stat.st_mtime_ns] for path, stat in stats.items()}
    return {"declared": hashlib.sha256(declared).hexdigest(), "files": files}


def _digest(file: Path) -> str | None:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None
