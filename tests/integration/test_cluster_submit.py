"""The hot application by `spark-submit` on a standalone cluster of two workers: it decides, through the loss of one of them."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession

from pipelines import session
from pipelines.catalog import DECISIONS, HISTORY, TRANSACTIONS
from pipelines.config import Hot, Lake, Paths, Registry, Settings
from pipelines.local import stack, topics
from pipelines.local.project import HERE
from pipelines.local.stack import Stack
from tests.deciding import in_order, model, read, send
from tests.events import payments, signals

PAID = payments(900, seed=3)
PAST, LIVE = PAID[:300], PAID[300:]
SECONDS = 600.0
PER_SECOND = 50


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    run = tmp_path_factory.mktemp("cluster") / "run"
    spark: SparkSession = session.lake(Lake(driver_memory="1g"), name="tests-cluster")
    model(spark, run / "models")
    spark.stop()
    settings = Settings(
        registry=Registry(uri="http://127.0.0.1:9", poll_seconds=1),
        hot=Hot(await_history=True, warmup_records=100, state_partitions=2, checkpoint_seconds=10),
        paths=Paths(run=run, policy=Path("conf/policy.yaml")),
    )
    with stack.opened(HERE, settings, os.environ, print) as found:
        found.start_broker()
        found.start_cluster(2)
        known = [one for one in signals(PAID) if one["event_time"] <= PAST[-1]["event_time"]]
        send(found.settings.kafka.bootstrap, in_order(PAST, known, HISTORY.name))
        found.start_hot()
        found.await_open("hot", SECONDS)
        yield found


def decided(running: Stack, wanted: set[str]) -> None:
    def all_there() -> bool:
        time.sleep(1)
        return wanted <= {one["transaction_id"] for one in read(running.settings.kafka.bootstrap, DECISIONS.name)}

    running.processes.wait(all_there, SECONDS, "not every payment is decided")


def test_both_workers_decide_and_nothing_is_lost(running: Stack) -> None:
    batch = LIVE[:300]
    sent_ms: list[float] = []

    def pause(n: int) -> None:
        sent_ms.append(time.time() * 1000)
        time.sleep(1 / PER_SECOND)

    send(running.settings.kafka.bootstrap, [(TRANSACTIONS.name, one) for one in batch], pause)
    decided(running, {one["transaction_id"] for one in batch})
    workers = [running.processes.processes[f"worker-{n}"] for n in (1, 2)]
    assert all(any("CoarseGrained" in " ".join(each.cmdline()) for each in worker.family()) for worker in workers)
    appended = [message.timestamp()[1] for message in topics.read(running.settings.kafka.bootstrap, DECISIONS.name, {})]
    assert len(appended) == len(batch)
    took = np.array(sorted(appended)) - np.array(sent_ms)
    print(f"two workers: p50 {np.percentile(took, 50):.0f} ms, p90 {np.percentile(took, 90):.0f} ms")


def test_the_loss_of_a_worker_costs_time_and_nothing_else(running: Stack) -> None:
    batch = LIVE[300:]
    worker = running.processes.processes["worker-1"]
    for process in worker.family():
        process.send_signal(signal.SIGKILL)
    send(running.settings.kafka.bootstrap, in_order(batch, []))
    decided(running, {one["transaction_id"] for one in LIVE})
    about = [one["transaction_id"] for one in read(running.settings.kafka.bootstrap, DECISIONS.name)]
    assert len(set(about)) == len(LIVE)
