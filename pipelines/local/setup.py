"""Installs what is missing, below the project's folder: environments, jars, Java where there is none.

    python3 -m pipelines.local.setup [hot] [lake] [jars] [--store] [--archives] [--dev]

Nothing named means everything but what an object store needs, and archives of classes, with which Spark starts faster.
For development it installs those too, and on a Debian as root Chromium, which the browser's tests need. Runs on a bare Python
3.11 (standard library only). The second run finds everything in place, needs no network and ends at once. Exit codes: 0 ready,
78 the machine or the network is in the way, 130 interrupted.
"""

import argparse
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from pipelines.errors import ClearholdError, EnvironmentProblem
from pipelines.local import archives, chromium, environments, jars, java
from pipelines.local.progress import Progress, Step
from pipelines.local.project import HERE, Environment, Project

PARTS = ("hot", "lake", "jars")


class Task(NamedTuple):
    """Something that is missing, and how it is put there."""

    doing: str
    do: Callable[[Step], None]


def missing(
    project: Project, parts: Sequence[str], dev: bool, store: bool = False, archived: bool = False
) -> list[Task]:
    """What has to be done so that the named parts are there, in order."""
    store, archived = store or dev, archived or dev
    wanted = [environment for environment in (project.hot, project.lake) if environment.name in parts]
    tasks = [
        Task(f"{environment.name} environment ({environment.size})", _installer(project, environment, dev, store))
        for environment in wanted
        if not environments.is_ready(environment, dev, store)
    ]
    runtime = java.find(project, os.environ)
    if runtime is None:
        tasks.append(Task("Java runtime, this machine has none (0.1 GB)", _java_installer(project, parts)))
    if "jars" in parts and not jars.is_ready(project):
        tasks.append(Task("jars for Kafka and Delta (60 MB)", _jar_installer(project, parts, store=False)))
    if "jars" in parts and store and not jars.is_ready(project, store):
        tasks.append(Task("jars for an object store (11 MB)", _jar_installer(project, parts, store)))
    if archived and "jars" in parts:
        tasks += [
            Task(f"classes that Spark starts with, {environment.name} (0.2 GB)", _archiver(project, environment))
            for environment in wanted
            if not archives.is_ready(environment, runtime)
        ]
    if dev and "lake" in parts and chromium.find() is None and chromium.can_install():
        tasks.append(Task("Chromium for the browser's tests (0.4 GB)", _chromium_installer(project)))
    return tasks


def make_ready(project: Project, parts: Sequence[str], dev: bool, store: bool = False, archived: bool = False) -> float:
    """Do what is missing; seconds it took.

    Raises:
        EnvironmentProblem: something could not be installed; the message says what to do.
    """
    began = time.monotonic()
    with _alone(project):
        tasks = missing(project, parts, dev, store, archived)
        progress = Progress(len(tasks))
        for task in tasks:
            with progress.step(task.doing) as step:
                _do(task, step)
    return time.monotonic() - began


def main(arguments: Sequence[str]) -> int:
    """The command line. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="setup", description="Install what is missing.")
    parser.add_argument("parts", nargs="*", help="hot, lake, jars; nothing means all")
    parser.add_argument("--store", action="store_true", help="also what lake and checkpoints in an object store need")
    parser.add_argument(
        "--archives", action="store_true", help="also archives of classes, with which Spark starts faster"
    )
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.parts) - set(PARTS)):
        parser.error(f"no such part: {', '.join(unknown)} (there are {', '.join(PARTS)})")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _refuse_other_pythons()
        seconds = make_ready(HERE, given.parts or PARTS, given.dev, given.store, given.archives)
    except ClearholdError as problem:
        print(f"set-up: {problem}", file=sys.stderr)
        return problem.exit_code
    except KeyboardInterrupt:
        print("\nset-up: interrupted; run it again and it goes on", file=sys.stderr)
        return 130
    _note_seconds(HERE, seconds)
    print(f"set-up: everything is in place ({seconds:.1f} s)")
    return 0


def _do(task: Task, step: Step) -> None:
    try:
        task.do(step)
    except EnvironmentProblem as problem:
        raise EnvironmentProblem(f"{task.doing}: {problem}") from problem


def _installer(project: Project, environment: Environment, dev: bool, store: bool) -> Callable[[Step], None]:
    log = project.logs / f"setup-{environment.name}.log"
    return lambda step: environments.install(environment, dev, log, step.note, store)


def _java_installer(project: Project, parts: Sequence[str]) -> Callable[[Step], None]:
    return lambda step: java.install(project, _any(project, parts), project.logs / "setup-java.log", step.note)


def _jar_installer(project: Project, parts: Sequence[str], store: bool) -> Callable[[Step], None]:
    def install(step: Step) -> None:
        runtime = java.require(project, os.environ)
        jars.install(project, _any(project, parts), runtime, project.logs / "setup-jars.log", step.note, store)

    return install


def _archiver(project: Project, environment: Environment) -> Callable[[Step], None]:
    def make(step: Step) -> None:
        log = project.logs / f"setup-archive-{environment.name}.log"
        archives.make(project, environment, java.require(project, os.environ), log, step.note)

    return make


def _chromium_installer(project: Project) -> Callable[[Step], None]:
    return lambda step: chromium.install(project.logs / "setup-chromium.log", step.note)


def _any(project: Project, parts: Sequence[str]) -> Environment:
    """An environment that is there: its pip and its Ivy do the fetching."""
    for environment in (project.hot, project.lake):
        if environments.is_ready(environment, dev=False):
            return environment
    raise EnvironmentProblem(f"`setup {' '.join(parts)}` needs an environment first: run `setup hot {' '.join(parts)}`")


def _refuse_other_pythons() -> None:
    if sys.version_info[:2] != (3, 11):
        found = ".".join(map(str, sys.version_info[:3]))
        raise EnvironmentProblem(
            f"this is Python {found}, Clearhold needs 3.11: install it and run with PYTHON=python3.11"
        )


@contextmanager
def _alone(project: Project) -> Iterator[None]:
    """Two set-ups in one folder take turns. The lock lies on a folder, so nothing is left of it."""
    folder = os.open(project.conf / "requirements", os.O_RDONLY)
    os.set_inheritable(folder, True)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("set-up: another one is at work in this folder, waiting for it", flush=True)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _note_seconds(project: Project, seconds: float) -> None:
    project.logs.mkdir(parents=True, exist_ok=True)
    (project.logs / "setup.json").write_text(json.dumps({"seconds": round(seconds, 3)}))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
