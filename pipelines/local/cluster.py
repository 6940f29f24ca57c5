"""A Spark standalone cluster on this machine, from the wheel of the hot environment, and programs submitted to it."""

import os
import shutil
import socket
import zipfile
from pathlib import Path
from typing import Final, NamedTuple

from pipelines.errors import EnvironmentProblem, UsageError
from pipelines.local.process import Program
from pipelines.local.project import Project

MASTER: Final = "master"
SLOTS: Final = 32
"""Of a worker: real-time mode holds a slot for each task of each query, so a worker offers more slots than it has processors."""
PACKAGES: Final = ("jobs", "pipelines")
_DAEMON: Final = {"SPARK_DAEMON_MEMORY": "256m", "SPARK_DAEMON_JAVA_OPTS": "-XX:+UseSerialGC"}
COMPILED: Final = "__pycache__"


class Cluster(NamedTuple):
    """Where a cluster's folder and master are, and what it has.

    Attributes:
        project: whose hot environment it runs from.
        folder: for what workers keep.
        port: of the master.
        workers: how many there are.
        processors: how many of the machine's they all share; None for all.
    """

    project: Project
    folder: Path
    port: int
    workers: int
    processors: int | None = None

    @property
    def master(self) -> str:
        """Address for applications."""
        return f"spark://127.0.0.1:{self.port}"

    def answers(self) -> bool:
        """Whether its master takes connections now."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def programs(self) -> list[Program]:
        """Master and workers, as supervised programs."""
        listening = ("--host", "127.0.0.1", "--webui-port", "0")
        master = self._daemon(MASTER, "master.Master", "--port", str(self.port), *listening)
        has = ("--cores", str(SLOTS), "--memory", "4g", "--work-dir", str((self.folder / "work").absolute()))
        workers = [
            self._daemon(f"worker-{n}", "worker.Worker", *listening, *has, self.master, pinned=True)
            for n in range(1, self.workers + 1)
        ]
        return [master, *workers]

    def submit(self, name: str, job: str, *arguments: str, restarts: int = 0) -> Program:
        """A job as `spark-submit` starts it: the package in a zip, the executors as conf/spark-hot.conf says."""
        command = (
            *(str(self.project.hot.folder / "bin" / "spark-submit"), "--master", self.master),
            *("--properties-file", str(self.project.conf / "spark-hot.conf")),
            *("--py-files", str(package(self.project, self.folder)), str(self.project.root / job), *arguments),
        )
        python = str(self.project.hot.python)
        return Program(name, command, {"PYSPARK_PYTHON": python, "PYSPARK_DRIVER_PYTHON": python}, restarts)

    def _daemon(self, name: str, role: str, *arguments: str, pinned: bool = False) -> Program:
        spark = str(self.project.hot.folder / "bin" / "spark-class")
        command = (spark, f"org.apache.spark.deploy.{role}", *arguments)
        if pinned and self.processors:
            command = ("taskset", "--cpu-list", f"0-{self.processors - 1}", *command)
        python = str(self.project.hot.python)
        return Program(name, command, {**_DAEMON, "PYSPARK_DRIVER_PYTHON": python}, restarts=1)


def require(workers: int, processors: int | None) -> None:
    """Refuse what this machine cannot do.

    Raises:
        UsageError: a number is out of bounds.
        EnvironmentProblem: processors cannot be given out here.
    """
    there = os.cpu_count() or 1
    if workers < 1 or (processors is not None and not 1 <= processors <= there):
        raise UsageError(f"a cluster has 1 worker or more, on 1 to {there} processors: not {workers} on {processors}")
    if processors and not shutil.which("taskset"):
        raise EnvironmentProblem("processors can only be given out where there is `taskset` (util-linux on Linux)")


def package(project: Project, folder: Path) -> Path:
    """The project's code as a zip below `folder`, for `spark-submit --py-files`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "clearhold.zip"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as out:
        for name in PACKAGES:
            # folders as well: Python finds a package without __init__.py in a zip by its entry alone
            for entry in sorted([project.root / name, *(project.root / name).rglob("*")]):
                if COMPILED not in entry.parts:
                    out.write(entry, entry.relative_to(project.root))
    return made
