"""A standalone cluster: what is started, what travels to it, and how fast a backlog was worked off."""

import select
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

from pipelines.errors import UsageError
from pipelines.flows import drain
from pipelines.local import cluster
from pipelines.local.cluster import Cluster
from pipelines.local.project import HERE
from pipelines.local.supervisor import StopAsked


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


def test_the_pace_is_from_letting_go_to_the_last_decision() -> None:
    times = np.array([9_000, 3_000, 11_000, 7_000], dtype=np.int64)
    assert drain.pace(times, let_go_ms=1_000.0) == pytest.approx(0.4)
    assert drain.pace(np.array([], dtype=np.int64), let_go_ms=1_000.0) == 0.0


def test_who_decides_stands_still_while_it_is_held() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdin and worker.stdout
        members = {"worker-1": SimpleNamespace(family=lambda: [psutil.Process(worker.pid)]), "hot": None}
        running: Any = SimpleNamespace(processes=SimpleNamespace(processes=members))
        with pytest.raises(StopAsked), drain.held(running):
            worker.stdin.write(b"x")
            worker.stdin.flush()
            assert select.select([worker.stdout], [], [], 0.5)[0] == []
            raise StopAsked
        assert select.select([worker.stdout], [], [], 60)[0] == [worker.stdout]
        worker.kill()
