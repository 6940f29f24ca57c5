"""The decision path on a real broker: decided, killed in mid-batch, decided again; nothing lost, state exact, batch agrees.

There is no registry in here: the model that served last, on disk, has to do.
"""

import json
import math
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import deltalake
import pytest
from confluent_kafka import Producer
from delta.tables import DeltaTable
from pyspark.ml import PipelineModel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from pipelines import manifest, session
from pipelines.catalog import (
    APPLIED,
    CONTRIBUTIONS_TABLE,
    DECISIONS,
    DECISIONS_TABLE,
    FEATURES,
    HISTORY,
    HISTORY_COMPLETE,
    SHADOW,
    SIGNALS,
    TABLES,
    TRANSACTIONS,
    WATCH_TABLE,
)
from pipelines.check import attempts
from pipelines.config import Hot, Lake, Paths, Registry, Settings
from pipelines.features import book, compile
from pipelines.flows import accounting, explaining, model_watch, notebooks, parity, refilling
from pipelines.flows import logged as training_rows
from pipelines.local import landed, stack, topics
from pipelines.local.project import HERE
from pipelines.local.screen import Screen
from pipelines.local.stack import Stack
from pipelines.monitor import accounts
from pipelines.schemas import ACTIONS, EVENT, SEQUENCES, names
from pipelines.score.position import Anchor
from pipelines.train import fit
from tests.commands import said
from tests.events import Record, payments, signals
from tests.object_store import bucket
from tests.planted import found_in, hidden, number, planted_pages

PAID = payments(2400)
PAST, LIVE = PAID[:900], PAID[900:]
NAMES = [feature.name for feature in book.FEATURES]
CARD_NUMBERS = [number(n) for n in range(20)]
"""Planted in payments: no part of a run may keep one."""
BAD = [
    b"not JSON",
    b"{}",
    json.dumps(LIVE[0] | {"transaction_id": "bad", "amount_minor": -5}).encode(),
    *(
        json.dumps(LIVE[n] | {"transaction_id": f"p{n}"} | hidden(n, one)).encode()
        for n, one in enumerate(CARD_NUMBERS)
    ),
]
SECONDS = 600.0
"""Longer than anything here takes on a machine that is busy with other tests."""
BUSY = 600
"""Signals after the history: more than a restart looks back to see whether the history is in."""


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    found = session.lake(Lake(driver_memory="1g"), name="tests-hot-path")
    yield found
    found.stop()


def model(spark: SparkSession, folder: Path) -> None:
    """A small model on disk, as if it had been fetched and had served."""
    noise = [f"rand({n}) * 10 as {name}" for n, name in enumerate(NAMES)]
    rows = (
        spark.range(400).selectExpr(*noise).selectExpr("*", "double(amount + card_ratio > 12) as label", "1D as weight")
    )
    rows = rows.withColumn("card_km_home", F.expr("if(card_km_home < 5, null, card_km_home)"))
    fitted = fit.fit(rows, book.model_inputs(), fit.Profile("tiny", trees=3, step=0.1))
    fitted.write().save(str(folder / "1" / "sparkml"))
    serving = {"inputs": book.model_inputs(), "calibration": "1D / (1D + exp(-margin))"}
    (folder / "1" / "serving.json").write_text(json.dumps(serving))
    manifest.seal(folder / "1")
    (folder / "last-good.json").write_text(json.dumps({"version": "1"}))


def send(bootstrap: str, records: list[tuple[str, Record]], pause: Callable[[int], None] = lambda _: None) -> None:
    # in order even when a fresh topic has no leader yet: the last record says that the history is complete
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "enable.idempotence": True})
    for n, (topic, record) in enumerate(records):
        last = topic == HISTORY.name and n == len(records) - 1
        headers = [HISTORY_COMPLETE] if last else None
        producer.produce(topic, json.dumps(record), record.get("card_id"), headers=headers)
        pause(n)
    assert producer.flush(30) == 0


def in_order(paid: list[Record], known: list[Record], topic: str | None = None) -> list[tuple[str, Record]]:
    kinds = [(topic or TRANSACTIONS.name, one) for one in paid] + [(topic or SIGNALS.name, one) for one in known]
    return sorted(kinds, key=lambda kind: str(kind[1]["event_time"]))


def read(bootstrap: str, topic: str) -> list[dict[str, Any]]:
    return [json.loads(message.value()) for message in topics.read(bootstrap, topic, {})]


class Crash:
    """kill -9 of the hot application once it has emitted something behind a checkpoint, while payments keep coming.

    On a cluster a worker goes with it.
    """

    def __init__(self, running: Stack, begin: int) -> None:
        self._running, self._begin = running, begin
        self._commits = self._emitted = 0
        self.at: float | None = None
        """When it happened, seconds since 1970."""

    def look(self, n: int) -> None:
        """Called between two records; every 25th time it looks."""
        time.sleep(0.01)
        if n == self._begin:
            self._commits = self._committed()
        if n <= self._begin or n % 25 or self.at:
            return
        emitted = sum(topics.ends(self._running.settings.kafka.bootstrap, FEATURES.name).values())
        if not self._emitted and self._committed() > self._commits:
            self._emitted = emitted
        elif self._emitted and emitted > self._emitted + 20:
            self._strike()

    def _committed(self) -> int:
        return len(list(self._running.settings.paths.checkpoints.glob("enrich-*/commits/[0-9]*")))

    def _strike(self) -> None:
        processes = self._running.processes
        pid = processes.processes["hot"].pid
        if worker := processes.processes.get("worker-1"):
            for process in worker.family():
                process.kill()
        os.killpg(pid, signal.SIGKILL)
        self.at = time.time()
        processes.wait(lambda: processes.processes["hot"].pid != pid, 60, "hot is not restarted")


def listings(count: int) -> list[Record]:
    """Signals about nobody, all at the time of the last payment of the past."""
    about = {"kind": "listing", "source": "analyst", "listing": "deny", "merchant_id": "nobody"}
    return [about | {"signal_id": f"n-{n}", "event_time": PAST[-1]["event_time"]} for n in range(count)]


WAYS = {"one task, a standby takes over": (1, True, 0), "a cluster and an object store, it starts again": (2, False, 2)}
"""Partitions of the state, whether a standby is there, workers of the cluster: then lake and checkpoints are in a store."""
ON_A_CLUSTER = pytest.mark.parametrize("crashed", list(WAYS.values())[1:], ids=list(WAYS)[1:], indirect=True)
ONE_WAY = pytest.mark.parametrize("crashed", list(WAYS.values())[:1], ids=list(WAYS)[:1], indirect=True)
"""For what is the same in every run."""


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    with bucket() as url:
        yield url


@pytest.fixture(scope="module", params=WAYS.values(), ids=WAYS)
def crashed(
    request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stack, float]]:
    """A run that took history, payments, signals and bad records, and when it was killed with -9 behind a checkpoint."""
    run = tmp_path_factory.mktemp("hot") / "run"
    state_partitions, standby, workers = request.param
    store = f"{request.getfixturevalue('store')}/hot" if workers else ""
    settings = Settings(
        registry=Registry(uri="http://127.0.0.1:9", poll_seconds=1),
        hot=Hot(
            checkpoint_seconds=6,
            await_history=True,
            warmup_records=200,
            planned_ahead=1,
            place_seconds=3,
            driver_memory="1g",
            state_partitions=state_partitions,
            standby=standby,
        ),
        paths=Paths(run=run, store=store, policy=Path("conf/policy.yaml")),
    )
    known = list(signals(PAID))
    now = PAST[-1]["event_time"]
    with stack.opened(HERE, settings, os.environ, lambda line: None) as running:
        model(spark, run / "models")
        running.start_broker()
        bootstrap = running.settings.kafka.bootstrap
        send(bootstrap, in_order(PAST, [one for one in known if one["event_time"] <= now], HISTORY.name))
        if workers:
            running.start_cluster(workers)
        running.start_hot()
        running.await_open("hot", SECONDS)
        if running.start_standby():
            running.wait(lambda: running.status("standby").get("state") == "waiting", SECONDS, "the standby")
        send(bootstrap, [(SIGNALS.name, one) for one in listings(BUSY)])
        live = in_order(LIVE, [one for one in known if one["event_time"] > now])
        chance = random.Random(5)
        live = [
            pair for pair in live for _ in range(2 if pair[0] == TRANSACTIONS.name and chance.random() < 0.02 else 1)
        ]
        producer = Producer({"bootstrap.servers": bootstrap})
        for value in BAD:
            producer.produce(TRANSACTIONS.name, value, "c1")
        producer.flush(10)
        crash = Crash(running, begin=len(live) // 4)
        send(bootstrap, live, crash.look)
        assert crash.at
        wanted = {one["transaction_id"] for one in LIVE}

        def decided() -> bool:
            time.sleep(1)
            return wanted <= {one["transaction_id"] for one in read(bootstrap, DECISIONS.name)}

        running.processes.wait(decided, SECONDS, "not every payment is decided")
        yield running, crash.at


@pytest.fixture(scope="module")
def settled(crashed: tuple[Stack, float]) -> Stack:
    return crashed[0]


@pytest.fixture(scope="module")
def decisions(settled: Stack) -> list[dict[str, Any]]:
    return read(settled.settings.kafka.bootstrap, DECISIONS.name)


@pytest.fixture(scope="module")
def logged(settled: Stack) -> list[dict[str, Any]]:
    """What the stream logged of each record it took in, the last attempt of each: the one that is in the state."""
    bootstrap = settled.settings.kafka.bootstrap
    every = read(bootstrap, APPLIED.name) + read(bootstrap, FEATURES.name)
    return list({(one["origin"], one["source_partition"], one["source_offset"]): one for one in every}.values())


@pytest.mark.timeout(900)
def test_every_payment_is_decided_and_nothing_else(decisions: list[dict[str, Any]]) -> None:
    assert {one["transaction_id"] for one in decisions} == {one["transaction_id"] for one in LIVE}
    assert {one["action"] for one in decisions} <= set(ACTIONS)
    assert {one["model_version"] for one in decisions} == {"1"}
    assert all(0 <= one["probability"] <= 1 and one["decided_at_ms"] > 0 for one in decisions)


def test_both_runtimes_give_the_same_probabilities(
    spark: SparkSession, settled: Stack, decisions: list[dict[str, Any]]
) -> None:
    assert spark.version < "4.3"  # the stream runs on 4.3
    records = topics.read(settled.settings.kafka.bootstrap, FEATURES.name, {})
    values = [(record.partition(), record.offset(), (record.value() or b"").decode()) for record in records]
    texts = spark.createDataFrame(values, "part int, place bigint, text string")
    rows = texts.select("part", "place", F.from_json("text", book.RECORD).alias("record")).select(
        "part", "place", "record.features.*"
    )
    files = settled.settings.paths.models / "1"
    scored = fit.margins(PipelineModel.load(str(files / "sparkml")), rows)
    calibration = json.loads((files / "serving.json").read_text())["calibration"]
    again = {
        (row.part, row.place): row.probability
        for row in scored.select("part", "place", F.expr(calibration).alias("probability")).collect()
    }
    differences = [
        abs(again[one["features_partition"], one["features_offset"]] - one["probability"]) for one in decisions
    ]
    assert len({one["probability"] for one in decisions}) > 10
    assert max(differences) < 1e-12


@ONE_WAY
def test_the_standby_decides_after_the_crash(settled: Stack) -> None:
    assert settled.status("hot")["pid"] == settled.processes.processes["standby"].pid


def test_the_crash_repeated_features_but_nothing_decided_before_it_is_decided_again(
    crashed: tuple[Stack, float], decisions: list[dict[str, Any]]
) -> None:
    running, at = crashed
    features = [place(one) for one in read(running.settings.kafka.bootstrap, FEATURES.name)]
    assert len(features) - len(set(features)) > 20, "the crash was not in mid-batch: nothing was repeated"
    before = {place(one) for one in decisions if one["decided_at_ms"] < at * 1000}
    assert before & {one for one, times in Counter(features).items() if times > 1}
    assert not before & {place(one) for one in decisions if one["decided_at_ms"] >= at * 1000}


def test_the_place_moves_on_behind_what_the_crash_repeated(settled: Stack) -> None:
    """Otherwise every later start would read from the crash on."""
    await_place_at_the_end(settled)


def await_place_at_the_end(settled: Stack) -> None:
    anchor, bootstrap = settled.settings.paths.checkpoints / "score-anchor.json", settled.settings.kafka.bootstrap

    def at_the_end() -> bool:
        return Anchor.read(anchor).features == topics.ends(bootstrap, FEATURES.name)

    settled.wait(at_the_end, SECONDS, "the place does not move on")


def place(row: dict[str, Any]) -> tuple[int, int]:
    return row["source_partition"], row["source_offset"]


def test_every_record_is_in_the_state_once(logged: list[dict[str, Any]]) -> None:
    for entity in ("card", "merchant", "device"):
        seen: dict[str, list[int]] = defaultdict(list)
        for one in logged:
            keys = {"card": "card_id", "merchant": "merchant_id", "device": "device_id"}
            others = [one.get(keys[other]) for other in keys if other != entity]
            seen[str(one.get(keys[entity]) or f"none:{others}")].append(one[f"{entity}_seq"])
        for key, numbers in seen.items():
            if not key.startswith("none:"):
                assert sorted(numbers) == list(range(1, len(numbers) + 1)), (entity, key)


def test_training_reads_the_past_as_the_stream_logged_it(
    spark: SparkSession, settled: Stack, logged: list[dict[str, Any]], tmp_path: Path
) -> None:
    until = max(one["event_ms"] for one in logged if one["origin"] == HISTORY.name)
    past = {
        one["transaction_id"]: one["features"]
        for one in logged
        if one["origin"] == HISTORY.name and one["kind"] == "transaction" and one["event_ms"] < until
    }
    training_rows.await_taken_in(settled.settings.kafka, patience=10)
    training_rows.write(spark, settled.settings.kafka, tmp_path / "features", until)
    rows = spark.read.parquet(str(tmp_path / "features")).collect()
    assert len(rows) == len(past) > len(PAST) / 2
    assert all(row[name] == past[row.transaction_id].get(name) for row in rows for name in NAMES)


def test_batch_computes_what_the_stream_logged(spark: SparkSession, logged: list[dict[str, Any]]) -> None:
    columns = [*names(EVENT), *names(SEQUENCES)]
    rows = [tuple(one.get(name) for name in columns) for one in logged]
    types = ", ".join(f"{field.name} {field.type}" for field in (*EVENT, *SEQUENCES))
    events: DataFrame = spark.createDataFrame(rows, types)
    for field in SEQUENCES:
        events = events.withColumnRenamed(field.name, f"logged_{field.name}")
    computed = compile.batch(events, "logged_{entity}_seq").where("kind = 'transaction'").collect()
    stream = {
        (one["origin"], one["source_partition"], one["source_offset"]): one["features"]
        for one in logged
        if one.get("features")
    }
    assert len(computed) == len(stream) >= len(PAID)
    wrong = Counter(
        name
        for row in computed
        for name in NAMES
        if row[name] != stream[row.origin, row.source_partition, row.source_offset].get(name)
    )
    assert wrong == Counter()


@pytest.fixture(scope="module")
def landed_run(settled: Stack) -> Path:
    """The folder of the run, when all that it logged is in its lake and nobody decides any more."""
    land(settled)
    await_place_at_the_end(settled)
    settled.processes.stop(["hot", "standby"])
    return settled.settings.paths.run


def land(running: Stack) -> None:
    """Land everything that is there."""
    running.start_job("landing", "jobs.land_events")

    def has_landed() -> bool:
        time.sleep(1)
        return landed.holds(running.settings.paths.lake, accounting.ends(running.settings.kafka.bootstrap))

    running.processes.wait(has_landed, SECONDS, "not everything lands")
    running.processes.stop(["landing"])


@ONE_WAY
def test_what_has_landed_agrees_with_the_batch_compiler(landed_run: Path) -> None:
    said(0, "jobs.check_parity", "--run", landed_run)
    found = json.loads((landed_run / parity.FILE).read_text())
    assert found["payments"] >= len(PAID)
    assert (found["compared"], found["mismatches"]) == (found["payments"] * len(NAMES), 0)


@ONE_WAY
def test_no_card_number_is_kept_anywhere(landed_run: Path, settled: Stack) -> None:
    settled.start_desk()
    settled.await_open(stack.DESK, SECONDS)
    address = settled.status(stack.DESK)["address"]
    pages = planted_pages(address, settled.settings.paths.first_password.read_text().split()[-1])
    settled.processes.stop([stack.DESK])
    kept = {str(part.relative_to(landed_run)): where for part, where in found_in(landed_run, CARD_NUMBERS).items()}
    assert kept == {}
    assert not [path for path, text in pages.items() for one in CARD_NUMBERS if one in text]
    assert "card_number" in pages["/quarantine"], "they were refused, and are shown masked"


@ONE_WAY
def test_one_character_changed_for_one_compiler_is_found(landed_run: Path, tmp_path: Path) -> None:
    for name in ("pipelines", "jobs"):
        shutil.copytree(HERE.root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".jars").symlink_to(HERE.root / ".jars")
    definitions = tmp_path / "pipelines" / "features" / "card.py"
    before = definitions.read_text()
    definitions.write_text(before.replace("OUTLIER: Final = 2.5", "OUTLIER: Final = 3.5"))
    assert definitions.read_text() != before
    attempts.export(attempts.opened(landed_run / "lake"), tmp_path / "logged.parquet")
    files = ("--logged", tmp_path / "logged.parquet", "--out", tmp_path / "found.json")
    said(0, "jobs.compare_features", *files, python=HERE.hot.python, root=tmp_path)
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["columns"].keys() >= {f"card_outliers_{days}d" for days in (7, 14)}
    assert not found["columns"].keys() & {"amount", "card_n_30d", "merchant_n_7d", "device_n_1h"}


def explain(code: int, run: Path, transaction_id: str) -> "subprocess.CompletedProcess[str]":
    return said(code, "jobs.explain_decision", "--run", run, "--id", transaction_id, "--json")


@ONE_WAY
def test_a_decision_is_explained_and_made_again(landed_run: Path) -> None:
    payment = next(one for one in reversed(LIVE) if "device_id" in one)
    found = json.loads(explain(0, landed_run, payment["transaction_id"]).stdout)
    assert found["payment"].items() >= payment.items()
    assert [one["name"] for one in found["features"]] == NAMES
    assert all(one["same"] for one in found["features"])
    assert (found["same"], found["again"], found["model"]["version"]) == (True, {}, "1")
    assert found["policy"]["version"] == found["decision"]["policy_version"]
    assert abs(found["contributions"]["score"] - found["decision"]["score"]) < 1e-9
    assert f"decided       {found['decision']['action']}" in explaining.words(found)


@ONE_WAY
def test_whatever_is_not_approved_has_its_contributions_once_through_a_kill(landed_run: Path, settled: Stack) -> None:
    records = topics.read(settled.settings.kafka.bootstrap, DECISIONS.name, {})
    decided = {(one.partition(), one.offset()): json.loads(one.value() or b"") for one in records}
    stopped = {place: one["score"] for place, one in decided.items() if one["action"] != "approve"}
    assert len(stopped) > 20

    def stored() -> list[dict[str, Any]]:
        return deltalake.DeltaTable(landed_run / "lake" / CONTRIBUTIONS_TABLE.name).to_pyarrow_table().to_pylist()

    settled.start_job("reasons", "jobs.give_reasons", restarts=3)
    settled.processes.wait(stored, SECONDS, "nothing is explained")
    os.killpg(settled.processes.processes["reasons"].pid, signal.SIGKILL)
    settled.processes.wait(lambda: len(stored()) >= len(stopped), SECONDS, "not everything is explained")
    settled.processes.stop(["reasons"])
    assert sorted((one["kafka_partition"], one["kafka_offset"]) for one in stored()) == sorted(stopped)
    for one in stored():
        score = 1 / (1 + math.exp(-2 * (one["base"] + sum(one["contributions"]))))
        assert abs(score - stopped[one["kafka_partition"], one["kafka_offset"]]) < 1e-9


@ONE_WAY
def test_what_was_not_decided_cannot_be_explained(landed_run: Path) -> None:
    assert "no payment nobody was decided here" in explain(2, landed_run, "nobody").stderr


@ONE_WAY
def test_the_watch_leaves_rows_metrics_and_a_picture(landed_run: Path) -> None:
    said(0, "jobs.watch_model", "--config", landed_run / "settings.yaml")
    kept = deltalake.DeltaTable(landed_run / "lake" / WATCH_TABLE.name).to_pyarrow_table().to_pylist()
    assert {one["kind"] for one in kept} >= {"feature", "schema", "alerts", "precision", "missing", "volume"}
    assert {one["model_version"] for one in kept} == {"1"}
    raised = {(one["kind"], one["subject"]) for one in kept if one["state"] == "alarm"}
    assert {(one["kind"], one["subject"]) for one in model_watch.standing(landed_run)["alarms"]} == raised
    metrics = (landed_run / "metrics" / "watch.prom").read_text()
    assert f'clearhold_watch_alarms{{kind="schema"}} {sum(kind == "schema" for kind, _ in raised):.1f}' in metrics
    assert (landed_run / "watch" / "drift.png").stat().st_size > 1000


@ONE_WAY
def test_every_notebook_gets_to_its_end_on_this_lake(landed_run: Path) -> None:
    said(0, "jobs.run_notebooks", "--run", landed_run)
    pages = {page.stem: page.read_text() for page in (landed_run / notebooks.FOLDER).glob("*.html")}
    assert pages.keys() == {book.stem for book in (HERE.root / "notebooks").glob("*.ipynb")}
    assert "values that differ: 0" in pages["02_features_and_state"]


@ONE_WAY
def test_a_decision_that_comes_out_otherwise_is_a_mismatch(spark: SparkSession, landed_run: Path) -> None:
    one = LIVE[700]["transaction_id"]
    decisions = DeltaTable.forPath(spark, str(landed_run / "lake" / DECISIONS_TABLE.name))
    decisions.update(f"transaction_id = '{one}'", {"probability": "0.123D"})
    assert list(json.loads(explain(1, landed_run, one).stdout)["again"]) == ["probability"]


@ONE_WAY
def test_a_policy_that_is_not_what_decided_is_not_used(landed_run: Path) -> None:
    (kept,) = (landed_run / "policies").iterdir()
    kept.write_text(kept.read_text().replace('"challenge": 0.15', '"challenge": 0.14'))
    refused = explain(78, landed_run, LIVE[-1]["transaction_id"])
    assert "decisions by it cannot be repeated" in refused.stderr


@ONE_WAY
def test_the_state_can_be_filled_again_from_the_lake(landed_run: Path, settled: Stack) -> None:
    """One payment waits meanwhile: it finds the whole past."""
    waiting, later = ([LIVE[n] | {"transaction_id": f"again-{n}"}] for n in (700, 900))
    send(settled.settings.kafka.bootstrap, in_order(waiting, []))
    land(settled)
    refilled = refilling.refill(settled, Screen(landed_run / "logs" / "refill.log"))
    assert refilled.now.events == refilled.before.events >= len(PAID)
    assert refilled.now.hash == refilled.before.hash
    assert refilled.differing == 0
    settled.start_job("hot", "jobs.decide", restarts=3)
    send(settled.settings.kafka.bootstrap, in_order(later, []))
    wanted = {one["transaction_id"] for one in [*waiting, *later]}

    def decided() -> bool:
        time.sleep(1)
        return wanted <= {one["transaction_id"] for one in read(settled.settings.kafka.bootstrap, DECISIONS.name)}

    settled.processes.wait(decided, SECONDS, "what waited is not decided")
    land(settled)
    said(0, "jobs.check_parity", "--run", landed_run)
    found = json.loads((landed_run / parity.FILE).read_text())
    assert (found["left_out"], found["mismatches"]) == (0, 0)


@ONE_WAY
def test_a_challenger_scores_live_payments_in_the_shadow_and_nobody_acts_on_it(settled: Stack) -> None:
    bootstrap = settled.settings.kafka.bootstrap
    payments = [one | {"transaction_id": f"shadow-{n}"} for n, one in enumerate(LIVE[:40])]
    settings = (
        "--config",
        str(settled.settings_file),
        "--version",
        "1",
        "--payments",
        str(len(payments)),
        "--for",
        "120",
    )
    command = [str(HERE.hot.python), "-m", "jobs.shadow_model", *settings]
    elsewhere = {**os.environ, "CLEARHOLD_HOT__MASTER": "spark://127.0.0.1:9"}  # it asks no cluster for room
    with subprocess.Popen(command, cwd=HERE.root, env=elsewhere, stdout=subprocess.PIPE, text=True) as shadow:
        settled.processes.wait(
            lambda: settled.status("shadow").get("state") == "open", SECONDS, "the shadow does not open"
        )
        send(bootstrap, [(TRANSACTIONS.name, one) for one in payments])
        out, _ = shadow.communicate(timeout=SECONDS)
    assert shadow.returncode == 0
    assert f"version 1 in the shadow: {len(payments)} of {len(payments)} payments" in out
    wanted = {one["transaction_id"] for one in payments}

    def decided() -> list[dict[str, Any]]:
        return [one for one in read(bootstrap, DECISIONS.name) if one["transaction_id"] in wanted]

    settled.processes.wait(lambda: len(decided()) >= len(wanted), SECONDS, "the champion does not decide")
    said_in_shadow = {one["transaction_id"]: one for one in read(bootstrap, SHADOW.name)}
    assert said_in_shadow.keys() == wanted
    for one in decided():
        in_shadow = said_in_shadow[one["transaction_id"]]
        assert in_shadow | {"decided_at_ms": 0} == one | {
            "decided_at_ms": 0
        }  # the same model here: nothing else differs


@ON_A_CLUSTER
def test_both_workers_decide_after_one_was_lost(settled: Stack) -> None:
    workers = [settled.processes.processes[f"worker-{n}"] for n in (1, 2)]
    assert all(any("CoarseGrained" in " ".join(each.cmdline()) for each in worker.family()) for worker in workers)
    bootstrap = settled.settings.kafka.bootstrap
    sent = {
        (one.partition(), one.offset()): one.timestamp()[1] for one in topics.read(bootstrap, TRANSACTIONS.name, {})
    }
    took = sorted(
        one.timestamp()[1] - sent[place(json.loads(one.value() or b""))]
        for one in topics.read(bootstrap, DECISIONS.name, {})
    )
    print(f"two workers, a crash among it: p50 {took[len(took) // 2]} ms, p90 {took[len(took) * 9 // 10]} ms")


@ON_A_CLUSTER
def test_lake_and_checkpoints_are_in_the_object_store_and_the_books_add_up(landed_run: Path, settled: Stack) -> None:
    paths = settled.settings.paths
    assert str(paths.lake).startswith("s3a://")
    assert {entry.name for entry in landed_run.iterdir()}.isdisjoint({"lake", "checkpoints"})
    books = accounts.close(paths.lake, accounting.ends(settled.settings.kafka.bootstrap))
    assert books.difference == 0
    assert landed.rows(paths.lake)["decisions"] == len(LIVE)
    assert landed.rows(paths.lake)["quarantine"] == len(BAD)
    table = "jobs.read_table", "--run", landed_run, "--name", "decisions", "--where", "action is null"
    assert "0 of 0 rows" in said(0, *table).stderr
    assert {folder.name for folder in paths.lake.glob("*")} == {table.name for table in TABLES}
