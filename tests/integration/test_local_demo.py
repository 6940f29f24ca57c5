"""The demo from end to end on the real broker and registry, with small stand-ins for the jobs that need Spark."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipelines.config import Paths, Settings
from pipelines.errors import ClearholdError, Mismatch, Unaccounted
from pipelines.flows import demo, traffic
from pipelines.flows.demo import Demo
from pipelines.local.project import HERE, Project

# What every stand-in starts with: its settings, its own arguments, a way to read and write, and a way to be asked to stop.
COMMON = """
import json, os, signal, sys, time
from pathlib import Path
from confluent_kafka import Consumer, Producer
from pipelines import config, status
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
settings = config.load(Path(given["--config"]))
run, asked = settings.paths.run, []
signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "linger.ms": 0})
def records(*topics):
    consumer = Consumer({"bootstrap.servers": settings.kafka.bootstrap, "group.id": sys.argv[0], "auto.offset.reset": "earliest"})
    consumer.subscribe(list(topics))
    while not asked:
        message = consumer.poll(0.05)
        if message and not message.error():
            yield message
    consumer.close()
def parsed(message):
    try:
        return json.loads(message.value())
    except ValueError:
        return None
"""
HISTORY = """
folder = Path(given["--folder"])
folder.mkdir(parents=True)
(folder / "bank.json").write_text(json.dumps(given))
"""
TRAIN = """
(Path(given["--history"]) / "trained").touch()
"""
DECIDE = """
status.report(run / "status" / "hot.json", "open", "deciding")
dropped = None
for message in records("transactions"):
    payment = parsed(message)
    if payment and os.environ.get("DROP"):
        dropped = dropped or payment["transaction_id"]
    if payment and payment["transaction_id"] != dropped:
        known = {"model_version": "1", "action": "approve", "reasons": [], "probability": 0.1}
        known |= {"source_partition": message.partition(), "source_offset": message.offset()}
        producer.produce("decisions", json.dumps({**payment, **known}), message.key())
        producer.flush()
"""
LAND = """
import pyarrow as pa
from deltalake import write_deltalake
from pipelines.catalog import APPLIED_TABLE, FEATURES_TABLE
time.sleep(float(os.environ.get("SLOW", 0)))
place, source = {"kafka_partition": 0, "kafka_offset": 0}, {"source_partition": 0, "source_offset": 0}
tables = {"records": {"topic": "", **place}, "quarantine": {"topic": "", **place}, "decisions": source,
          "duplicates": {"cause": "", **source}}
for table, columns in tables.items():
    write_deltalake(run / "lake" / table, pa.Table.from_pylist([columns])[:0], mode="ignore")
for table in (FEATURES_TABLE, APPLIED_TABLE):
    columns = pa.schema([(field.name, pa.string()) for field in table.columns])
    write_deltalake(run / "lake" / table.name, columns.empty_table(), mode="ignore")
def write(table, **row):
    write_deltalake(run / "lake" / table, pa.Table.from_pylist([row]), mode="append")
first = {}
status.report(run / "status" / "landing.json", "open", "landing")
for message in records("transactions", "decisions"):
    record, topic, at = parsed(message), message.topic(), (message.partition(), message.offset())
    place = dict(zip(("kafka_partition", "kafka_offset"), at))
    if topic == "decisions":
        source = {name: record[name] for name in ("source_partition", "source_offset")}
        if first.setdefault(record["transaction_id"], at) == at:
            write("decisions", **source)
        else:
            write("duplicates", cause="resent", **source)
    elif record is None:
        write("quarantine", topic=topic, **place)
        producer.produce("quarantine", json.dumps({"topic": topic}))
        producer.flush()
    write("records", topic=topic, **place)
"""
BANK = """
status.report(run / "status" / "bank.json", "open", "sending")
seconds, sent, start = float(given.get("--seconds", 1e9)), 0, time.time()
known = {"card_id": "c", "merchant_id": "m", "amount_minor": 1, "currency": "EUR", "event_ms": 0}
acknowledged = []
def send(value):
    producer.produce("transactions", value, "c", on_delivery=lambda error, _: acknowledged.append(error))
def count(state):
    status.report(run / "status" / "bank.json", state, "", sent=sent, acknowledged=acknowledged.count(None), verdicts=0)
while not asked and time.time() - start < seconds:
    name = f"{start}-{sent}"
    payment = json.dumps({**known, "transaction_id": name, "sent_at_ms": int(time.time() * 1000)})
    for value in [payment, payment, "not JSON"] if sent == 0 else [payment]:
        send(value)
        sent += 1
    producer.poll(0)
    time.sleep(1 / float(given["--rate"]))
    count("open")
producer.flush()
count("stopped")
"""
COMPARE = """
import json, sys
from pathlib import Path
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
wrong = (Path(given["--out"]).parents[1] / "history" / "wrong").exists()
found = {"payments": 1, "features": 1, "compared": 1, "left_out": 0, "mismatches": int(wrong), "columns": {}}
Path(given["--out"]).write_text(json.dumps(found))
"""
IDLE = """
while not asked:
    time.sleep(0.1)
"""
DESK = """
status.report(run / "status" / "desk.json", "open", "open", address="http://127.0.0.1:1", cases=3)
while not asked:
    time.sleep(0.1)
"""
# Looks at nothing, and finds one of two suites failing.
CHECK = """
import sys
from pathlib import Path
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
from pipelines.check import results
from pipelines.check.batches import EPOCH, Stretch
from pipelines.check.results import Outcome, Report
from pipelines.check.suites import SUITES
stretch = Stretch(0, None, EPOCH, False)
results.append(Path(given["--run"]) / "lake", [
    Report(suite, 0, stretch, (Outcome(suite.checks[0], suite is SUITES[0], 0.0),)) for suite in SUITES[:2]
])
"""
JOBS = {
    "write_history": HISTORY,
    "train_model": TRAIN,
    "decide": DECIDE,
    "land_events": LAND,
    "simulate_bank": BANK,
    "serve_desk": DESK,
    "give_reasons": IDLE,
    "watch_model": IDLE,
    "watch_quality": IDLE,
    "tend_tables": IDLE,
}

# The demo in a process of its own, for Ctrl-C.
HOST = """
import os, sys
from pathlib import Path
from pipelines.config import Paths, Settings
from pipelines.flows import demo
from pipelines.local.project import Project
demo.run(Project(Path(sys.argv[1])), Settings(paths=Paths(run=Path(sys.argv[1]) / "run")), demo.Demo(rate=20), os.environ)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """The project with stand-ins for its jobs, and the lake's environment for both."""
    for name, target in ((".venv", ".venv"), (".venv-hot", ".venv"), (".jars", ".jars"), ("conf", "conf")):
        (tmp_path / name).symlink_to(HERE.root / target)
    (tmp_path / "pipelines").symlink_to(HERE.root / "pipelines")
    (tmp_path / "jobs").mkdir()
    for name, work in JOBS.items():
        (tmp_path / "jobs" / f"{name}.py").write_text(COMMON + work)
    (tmp_path / "jobs" / "compare_features.py").write_text(COMPARE)
    (tmp_path / "jobs" / "check_quality.py").write_text(CHECK)
    return Project(tmp_path)


def settings(project: Project) -> Settings:
    return Settings(paths=Paths(run=project.root / "run"))


def summary(project: Project) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((project.root / "run" / "summary.json").read_text())
    return read


def test_a_run_accounts_for_every_record_and_the_next_one_goes_on(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    demo.run(project, settings(project), Demo(seconds=2, rate=20), os.environ, setup_seconds=1.5)
    first = summary(project)
    assert first["cases"] == 3
    assert first["acknowledged"] == first["transactions_sent"] > 3
    assert (first["duplicates"], first["quarantined"], first["unaccounted"]) == (1, 1, 0)
    assert first["decisions"] == first["actions"]["approve"] == first["acknowledged"] - 2
    assert first["landed"]["decisions"] >= first["decisions"]
    assert first["seconds"]["setup"] == 1.5
    assert first["seconds"]["first_model"] < first["seconds"]["first_decision"] < first["seconds"]["total"]
    assert first["seconds"]["first_alert"] is None
    assert {"broker", "registry", "hot", "landing", "supervisor"} <= first["peak_rss_mb"].keys()
    assert first["quality"] == {"suites": 2, "failed": 1}
    said = capfd.readouterr().out
    assert "the doors are open" in said
    assert "2 suites, 1 failed" in said
    assert "1 of 2 suites fail: signals: signal_id_is_there" in said
    assert "unaccounted   0" in said
    assert "mismatches    0" in said

    (project.root / "run" / "history" / "trained").unlink()
    (project.root / "run" / "history" / "wrong").touch()
    with pytest.raises(Mismatch, match="1 features are not what the batch compiler computes"):
        demo.run(project, settings(project), Demo(seconds=1, rate=20), os.environ)
    second = summary(project)
    assert not (project.root / "run" / "history" / "trained").exists()
    assert (second["duplicates"], second["quarantined"], second["unaccounted"]) == (1, 1, 0)
    assert second["landed"]["decisions"] > first["landed"]["decisions"]
    assert second["seconds"]["first_model"] is None


def test_a_lost_payment_fails_the_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "PATIENCE_SECONDS", 3.0)
    with pytest.raises(Unaccounted, match="2 acknowledged records are unaccounted for"):
        demo.run(project, settings(project), Demo(seconds=1, rate=20), {**os.environ, "DROP": "1"})
    assert summary(project)["unaccounted"] == 2  # the first payment was sent twice


def test_a_landing_that_starts_late_is_waited_for(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "PATIENCE_SECONDS", 2.0)
    demo.run(project, settings(project), Demo(seconds=1, rate=20), {**os.environ, "SLOW": "10"})
    assert summary(project)["unaccounted"] == 0


def test_a_training_that_fails_is_said_with_its_own_words(project: Project) -> None:
    (project.root / "jobs" / "train_model.py").write_text("raise SystemExit('too few frauds')")
    with pytest.raises(ClearholdError, match=r"train ended, exit code 1: too few frauds \(log: .*train.log\)"):
        demo.run(project, settings(project), Demo(seconds=1), os.environ)
    assert not (project.root / "run" / demo.PREPARED).exists()


def test_ctrl_c_stops_everything_and_still_accounts(project: Project) -> None:
    command = [sys.executable, "-c", HOST, str(project.root)]
    host = subprocess.Popen(command, cwd=HERE.root, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert host.stdout is not None
    lines = iter(host.stdout.readline, "")
    assert any(", decided " in line and "approve 0" not in line for line in lines), "there was no traffic"
    recorded = json.loads((project.root / "run" / "pids.json").read_text())["processes"]
    host.send_signal(signal.SIGINT)
    host.communicate(timeout=60)
    assert host.returncode == 0
    assert summary(project)["unaccounted"] == 0
    assert summary(project)["decisions"] > 0
    assert len(recorded) >= 6
    assert not any(psutil.pid_exists(known["pid"]) for known in recorded)
    assert not {"pids.json", "tmp"} & {entry.name for entry in (project.root / "run").iterdir()}
