"""The real broker and the real MLflow server in a run's folder: topics as declared, resumed, killed, restarted, wiped."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from pipelines import config
from pipelines.catalog import DECISIONS, HISTORY, POLICIES, QUARANTINE, TOPICS, TRANSACTIONS
from pipelines.config import Kafka, Paths, Settings
from pipelines.local import broker, stack, topics, tracking
from pipelines.local.ledger import Ledger
from pipelines.local.project import HERE
from pipelines.local.stack import Stack


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def opened(tmp_path: Path, said: list[str]) -> Iterator[Stack]:
    with stack.opened(HERE, settings(tmp_path), os.environ, said.append) as running:
        running.start_broker()
        yield running


def settings(folder: Path) -> Settings:
    return Settings(kafka=Kafka(partitions=2, retention_hours=5), paths=Paths(run=folder / "run"))


def send(bootstrap: str, topic: str, *values: bytes) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for value in values:
        producer.produce(topic, value, key=value[:4])
    assert producer.flush(30) == 0


def values(bootstrap: str, topic: str) -> list[bytes]:
    return sorted(message.value() for message in topics.read(bootstrap, topic, {}))


def test_topics_are_made_as_declared_and_records_carry_the_brokers_time(opened: Stack) -> None:
    bootstrap = opened.settings.kafka.bootstrap
    admin = AdminClient({"bootstrap.servers": bootstrap})
    found = admin.list_topics(timeout=10).topics
    assert {topic.name: len(found[topic.name].partitions) for topic in TOPICS} == {
        topic.name: 1 if topic.single else 2 for topic in TOPICS
    }
    assert described(admin, DECISIONS.name)["message.timestamp.type"] == "LogAppendTime"
    assert described(admin, DECISIONS.name)["retention.ms"] == str(5 * 3_600_000)
    assert described(admin, POLICIES.name)["cleanup.policy"] == "compact"
    topics.create(opened.settings.kafka, TOPICS)  # what is there already is no mistake

    before = time.time() * 1000
    send(bootstrap, HISTORY.name, b"0001", b"0002")
    stamps = [message.timestamp() for message in topics.read(bootstrap, HISTORY.name, {})]
    assert len(stamps) == 2
    assert all(kind == 2 and at >= before - 1000 for kind, at in stamps)


def described(admin: AdminClient, topic: str) -> dict[str, str]:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    return {name: entry.value for name, entry in admin.describe_configs([resource])[resource].result(10).items()}


def test_a_killed_broker_comes_back_with_its_records(opened: Stack, said: list[str]) -> None:
    bootstrap, processes = opened.settings.kafka.bootstrap, opened.processes
    send(bootstrap, TRANSACTIONS.name, b"0001", b"0002", b"0003")
    killed = processes.processes[broker.NAME].pid
    os.kill(killed, signal.SIGKILL)
    processes.wait(lambda: processes.processes[broker.NAME].pid != killed, 30, "restart")
    processes.wait(lambda: broker.answers(bootstrap), 60, "answer")
    assert values(bootstrap, TRANSACTIONS.name) == [b"0001", b"0002", b"0003"]
    assert any(line.startswith("broker ended, exit code -9") for line in said)


def test_a_run_resumes_on_its_ports_or_others_and_starts_afresh_when_asked(tmp_path: Path, said: list[str]) -> None:
    wanted = settings(tmp_path)
    with stack.opened(HERE, wanted, os.environ, said.append) as first:
        first.start_broker()
        first_address = first.settings.kafka.bootstrap
        assert config.load(first.settings_file) == first.settings
        send(first_address, TRANSACTIONS.name, b"0001")
    (wanted.paths.run / "ports.json").write_text(json.dumps([0, 0, 0]))
    with stack.opened(HERE, wanted, os.environ, said.append) as second:
        second.start_broker()
        assert second.settings.kafka.bootstrap != first_address
        assert values(second.settings.kafka.bootstrap, TRANSACTIONS.name) == [b"0001"]
        second_address = second.settings.kafka.bootstrap
    with stack.opened(HERE, wanted, os.environ, said.append, fresh=True) as third:
        assert not (wanted.paths.run / "broker").exists()
        assert third.settings.kafka.bootstrap != second_address


def test_the_registry_answers_and_ends_with_its_workers(tmp_path: Path, said: list[str]) -> None:
    with stack.opened(HERE, settings(tmp_path), os.environ, said.append) as running:
        running.start_registry()
        running.await_registry()
        family = running.processes.processes[tracking.NAME].family()
        assert len(family) >= 1
    assert not any(process.is_running() for process in family)
    assert not tracking.answers(running.settings.registry.uri)
    assert sorted(psutil.process_iter(), key=lambda process: process.pid)  # the machine itself goes on


def test_the_ledger_counts_each_record_once(opened: Stack) -> None:
    bootstrap = opened.settings.kafka.bootstrap
    send(bootstrap, TRANSACTIONS.name, payment("before"))
    alerts: list[str] = []
    ledger = Ledger(bootstrap, lambda decision, at_ms: alerts.append(decision["transaction_id"]))
    send(bootstrap, TRANSACTIONS.name, payment("a"), payment("b"), payment("a"), payment("c"), b"not json", b"[]")
    follow(ledger, 6)
    assert (ledger.sent, ledger.duplicates, ledger.unreadable, ledger.unaccounted) == (6, 1, 2, 5)
    send(bootstrap, DECISIONS.name, *(decision(name) for name in ("a", "b", "a", "before", "d")))
    send(
        bootstrap, QUARANTINE.name, b'{"topic": "transactions"}', b'{"topic": "transactions"}', b'{"topic": "signals"}'
    )
    follow(ledger, 8)
    assert (ledger.decided, ledger.repeats, ledger.quarantined, ledger.unaccounted) == (2, 1, 2, 1)
    send(bootstrap, TRANSACTIONS.name, payment("d"))  # decided before it was seen here
    send(bootstrap, DECISIONS.name, decision("c"))
    follow(ledger, 2)
    assert (ledger.decided, ledger.unaccounted, ledger.sent) == (4, 0, 7)
    assert sorted(alerts) == ["a", "b", "c", "d"]
    assert ledger.actions == {"hold": 4}
    assert ledger.models == {"7": 4}
    assert all(latency >= 0 for latency in ledger.percentiles_ms().values() if latency is not None)
    assert len(ledger.latencies_ms) == 4
    ledger.close()


def follow(ledger: Ledger, records: int) -> None:
    seen, deadline = 0, time.monotonic() + 30
    while seen < records:
        assert time.monotonic() < deadline, f"{seen} of {records} records"
        seen += ledger.follow()
        time.sleep(0.01)


def payment(name: str) -> bytes:
    return json.dumps({"transaction_id": name}).encode()


def decision(name: str) -> bytes:
    sent_at_ms = int(time.time() * 1000) - 5
    fields = {"transaction_id": name, "action": "hold", "model_version": "7", "sent_at_ms": sent_at_ms}
    return json.dumps(fields).encode()
