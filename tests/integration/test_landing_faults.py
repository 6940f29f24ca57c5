"""Landing on a real broker without firm ground: a broker that is away, a full disk, records that are gone, new partitions."""

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from pipelines.catalog import DECISIONS, TRANSACTIONS
from pipelines.land.landing import AT_ONCE
from pipelines.local import broker, topics
from pipelines.monitor import accounts
from pipelines.monitor.accounts import Books
from tests.commands import said
from tests.events import payments, signals
from tests.landing import SECONDS, Run, opened

PAID = payments(400, seed=2)
KNOWN = list(signals(PAID))
AWAY_SECONDS = 60
SMALL_DISK = 1_000_000


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run that lands; every test sends some of the payments."""
    with opened(tmp_path_factory.mktemp("faults") / "run") as found:
        found.bank.pay(PAID[:40], KNOWN[::10])
        found.land()
        yield found


def closed(run: Run) -> Books:
    """The books, which add up."""
    books = accounts.close(run.lake, run.ends())
    assert (books.difference, books.decided) == (0, len(run.bank.decisions)), books
    return books


@pytest.mark.timeout(600)
def test_a_broker_that_is_away_for_a_minute_delays_and_loses_nothing(run: Run) -> None:
    processes = run.stack.processes
    run.stack.start_job("landing", "jobs.land_events", restarts=20)
    run.stack.await_open("landing", SECONDS)
    run.bank.pay(PAID[40:80], KNOWN[1::10])
    processes.stop([broker.NAME])
    processes.linger(lambda: False, AWAY_SECONDS)
    run.stack.start_broker()
    run.bank.pay(PAID[80:120], KNOWN[2::10])
    run.stack.wait(run.is_landed, SECONDS, "not everything lands")
    closed(run)


@pytest.mark.timeout(600)
def test_partitions_that_come_while_it_lands_are_landed_too(run: Run) -> None:
    admin = AdminClient({"bootstrap.servers": run.stack.settings.kafka.bootstrap})
    added = admin.create_partitions([NewPartitions(topic.name, 3) for topic in (TRANSACTIONS, DECISIONS)])
    assert [future.result(30) for future in added.values()] == [None, None]
    run.bank.connect()
    run.bank.pay(PAID[120:160], KNOWN[3::10])
    run.stack.wait(run.is_landed, SECONDS, "not everything lands")
    books = closed(run)
    assert {line.partition for line in books.lines if line.topic == TRANSACTIONS.name and line.rows} == {0, 1, 2}
    run.stack.processes.stop(["landing"])


@pytest.fixture
def small_disk(run: Run) -> Iterator[Path]:
    """The checkpoint's folder, on a disk of its own."""
    folder = run.stack.settings.paths.checkpoints / AT_ONCE.name
    kept = folder.with_name("kept")
    libc = ctypes.CDLL(None, use_errno=True)
    folder.rename(kept)
    folder.mkdir()
    size = f"size={SMALL_DISK}".encode()
    if libc.mount(b"none", str(folder).encode(), b"tmpfs", 0, size):
        folder.rmdir()
        kept.rename(folder)
        pytest.skip(f"no small disk can be mounted here: {os.strerror(ctypes.get_errno())}")
    try:
        copied(kept, folder)
        yield folder
        copied(folder, kept)
    finally:
        libc.umount2(str(folder).encode(), 2)
        folder.rmdir()
        kept.rename(folder)


def copied(source: Path, target: Path) -> None:
    for file in (path for path in source.rglob("*") if path.is_file() and path.name != "fill"):
        (target / file.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
        (target / file.relative_to(source)).write_bytes(file.read_bytes())


def filled(disk: Path) -> Path:
    """A file that takes all the room that is left."""
    fill = disk / "fill"
    with fill.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"0" * 4096)
        except OSError:
            return fill


@pytest.mark.timeout(600)
def test_a_full_disk_stops_landing_and_loses_nothing(run: Run, small_disk: Path) -> None:
    run.stack.start_job("landing", "jobs.land_events", once=True)
    run.stack.await_open("landing", SECONDS)
    fill = filled(small_disk)
    run.bank.pay(PAID[160:200], KNOWN[4::10])
    assert "No space left" in ended(run)
    assert not run.is_landed()
    fill.unlink()
    run.land()
    closed(run)


def ended(run: Run) -> str:
    """What a landing job said of itself that failed."""
    deadline = time.monotonic() + SECONDS
    landing = run.stack.processes.processes["landing"]
    while landing.code is None:
        assert time.monotonic() < deadline, "it goes on"
        time.sleep(0.5)
    assert landing.code == 1
    run.stack.processes.stop(["landing"])
    return str(run.stack.status("landing")["message"])


@pytest.mark.timeout(600)
def test_what_kafka_threw_away_stops_landing_until_it_is_allowed(run: Run) -> None:
    bootstrap, place = run.stack.settings.kafka.bootstrap, ("--run", str(run.stack.settings.paths.run))
    run.stack.start_job("landing", "jobs.land_events", once=True)
    run.stack.await_open("landing", SECONDS)
    family = run.stack.processes.processes["landing"].family()
    before = topics.ends(bootstrap, TRANSACTIONS.name)
    for process in family:
        process.send_signal(signal.SIGSTOP)
    run.bank.pay(PAID[200:240], KNOWN[5::10])
    after = topics.ends(bootstrap, TRANSACTIONS.name)
    thrown_away = [TopicPartition(TRANSACTIONS.name, number, end) for number, end in after.items()]
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.delete_records(thrown_away).values():
        future.result(30)
    for process in family:
        process.send_signal(signal.SIGCONT)
    ended(run)

    settings = ("--config", str(run.stack.settings_file))
    refusal = said(1, "jobs.land_events", *settings).stderr
    lost = {number: end - before[number] for number, end in after.items() if end > before[number]}
    names = [f"{TRANSACTIONS.name}-{number}-{before[number]}" for number in lost]
    assert all(name in refusal for name in names)
    assert "make allow GAP=" in refusal
    said(2, "jobs.allow_gap", *place, "--gap", "transactions-0-0", "--why", "no such gap")
    for name in names:
        assert name in said(0, "jobs.allow_gap", *place).stdout
        said(0, "jobs.allow_gap", *place, "--gap", name, "--why", "the disk was too small")
    run.land()

    books = closed(run)  # all decisions have landed, also those of payments that are gone
    assert {line.partition: line.gone for line in books.lines if line.gone} == lost
    states = run.rows("select name, state from data_gaps")
    assert sorted(states) == sorted((name, state) for name in names for state in ("found", "allowed", "passed"))
    run.bank.pay(PAID[240:280], KNOWN[6::10])
    run.land()
    closed(run)
