"""Jobs that a lake job lets the hot runtime do, in a process of its own: it is several times as fast with arrays."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Final

from pipelines import session
from pipelines.config import Hot
from pipelines.errors import EnvironmentProblem
from pipelines.local.project import Project

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

QUIET_SECONDS: Final = 10.0


def run(
    project: Project,
    module: str,
    options: Mapping[str, object],
    failing: str,
    tick: Callable[[float], None] = lambda seconds: None,
) -> None:
    """Run a job and wait for it.

    Args:
        project: where the environments are.
        module: of the job.
        options: its command line, name -> value.
        failing: what did not work if it fails, in words.
        tick: called every QUIET_SECONDS with the seconds since it began.

    Raises:
        EnvironmentProblem: it failed; its last line says why.
    """
    command = [project.hot.python, "-m", module, *(part for option in options.items() for part in option)]
    began = time.monotonic()
    with TemporaryFile("w+") as errors:
        with subprocess.Popen([str(part) for part in command], cwd=project.root, stderr=errors) as job:
            while (code := _ended(job)) is None:
                tick(time.monotonic() - began)
        if code:
            errors.seek(0)
            said = errors.read().strip().splitlines() or [f"exit code {code}"]
            raise EnvironmentProblem(f"{failing}: {said[-1]}")


@contextmanager
def opened(purpose: str, memory: str) -> Iterator["SparkSession"]:
    """A session for such a job, in its own process.

    Args:
        purpose: what the application is called by.
        memory: of the Spark driver.
    """
    settings = Hot(master="local[2]", driver_memory=memory, state_partitions=8)
    spark = session.hot(settings, f"clearhold-{purpose}")
    try:
        yield spark
    finally:
        spark.stop()


def _ended(job: "subprocess.Popen[bytes]") -> int | None:
    try:
        return job.wait(QUIET_SECONDS)
    except subprocess.TimeoutExpired:
        return None
