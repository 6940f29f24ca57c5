"""A standalone cluster: what is started, what travels to it, and how fast a backlog was worked off."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import UsageError
from pipelines.flows import drain
from pipelines.local import cluster
from pipelines.local.cluster import Cluster
from pipelines.local.project import HERE


def test_the_package_holds_every_module_and_works_from_the_zip(tmp_path: Path) -> None:
    made = cluster.package(HERE, tmp_path)
    code = "import pipelines.features.book as b, jobs.entry, pipelines.desk.roles; print(b.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(made)}, capture_output=True
    )
    assert str(made) in done.stdout.decode(), done.stderr.decode()


def test_workers_share_the_processors_they_are_given(tmp_path: Path) -> None:
    master, *workers = Cluster(HERE, tmp_path, 7077, 2, processors=1).programs()
    assert [each.name for each in workers] == ["worker-1", "worker-2"]
    assert all(each.command[:3] == ("taskset", "--cpu-list", "0-0") for each in workers)
    assert master.command[0].endswith("spark-class")


@pytest.mark.parametrize(("workers", "processors"), [(0, None), (1, 0), (1, 10_000)])
def test_impossible_clusters_are_refused(workers: int, processors: int | None) -> None:
    with pytest.raises(UsageError, match="a cluster has"):
        cluster.require(workers, processors)


def test_the_pace_is_that_of_the_middle() -> None:
    slow_start = np.concatenate([np.linspace(0, 10_000, 40), np.linspace(10_010, 10_600, 60)])
    assert drain.pace(slow_start.astype(np.int64)) == pytest.approx(100, rel=0.05)
    assert drain.pace(np.array([], dtype=np.int64)) == 0.0
    assert drain.pace(np.full(100, 5, dtype=np.int64)) == 0.0
