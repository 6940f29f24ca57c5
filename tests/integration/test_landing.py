"""Landing on a real broker: every record in its one place, whatever it is, through a kill at every point of a batch.

The decision path is not in here: its feature records and decisions are made up from the payments, as they would stand in Kafka.
"""

import json
import shutil
import signal
from collections import Counter
from collections.abc import Iterator

import pytest

from pipelines import session
from pipelines.catalog import FROM_TOPICS, QUARANTINE, TABLES, TRANSACTIONS
from pipelines.flows import rebuilding, repairing
from pipelines.land import repair
from pipelines.land.landing import AT_ONCE, BEHIND
from pipelines.land.repair import Place
from pipelines.local import topics
from pipelines.local.screen import Screen
from pipelines.monitor import accounts
from tests.bad_records import BAD_PAYMENTS, BAD_SIGNALS, KEY, payment
from tests.commands import said
from tests.events import payments, signals
from tests.landing import SECONDS, Run, opened

PAID = payments(400)
KNOWN = list(signals(PAID))
ORDER = ("quarantine", "transactions", "signals", "features", "duplicates", "decisions", "records")
POINTS = ["before quarantine", *(f"after {table}" for table in ORDER), "before applied", "after applied"]
"""Between two commits nothing else is written: after one is before another. `applied` is written beside the others."""
ROUNDS = [POINTS[:3], POINTS[3:6], POINTS[6:8], POINTS[8:]]
"""A process and a share of the records each; it ends at all of these points."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Everything has landed, good and bad, after a kill at every point of a batch."""
    with opened(tmp_path_factory.mktemp("landing") / "run") as found:
        share = len(PAID) // len(ROUNDS)
        for n, points in enumerate(ROUNDS):
            found.bank.pay(PAID[n * share : (n + 1) * share], KNOWN[n :: len(ROUNDS)])
            found.bank.spoil()
            assert found.die(*points) == -signal.SIGKILL, points
        found.land()
        yield found


@pytest.mark.timeout(900)
def test_every_record_has_landed_once_and_every_payment_ended_once(run: Run) -> None:
    books = accounts.close(run.lake, run.ends())
    assert books.difference == 0, books
    assert books.decided == len({one["transaction_id"] for one in PAID[: len(PAID) // len(ROUNDS) * len(ROUNDS)]})
    assert books.duplicates == 3 * len(ROUNDS)
    assert books.quarantined == len(BAD_PAYMENTS) * len(ROUNDS)
    for table in FROM_TOPICS:
        key = (
            "topic, kafka_partition, kafka_offset"
            if table.name in ("records", "quarantine")
            else "kafka_partition, kafka_offset"
        )
        assert run.rows(f"select {key} from {table.name} group by all having count(*) > 1") == [], table.name


def test_repeats_name_the_decision_that_counts(run: Run) -> None:
    causes = dict(run.rows("select cause, count(*) from duplicates group by all"))
    assert causes == {"resent": 3 * len(ROUNDS), "repeated": 2 * len(ROUNDS)}
    first = (
        "d.transaction_id = r.transaction_id and d.kafka_partition = first_partition and d.kafka_offset = first_offset"
    )
    assert run.rows(f"select * from duplicates r where not exists (select * from decisions d where {first})") == []
    later = run.rows(
        "select * from duplicates where kafka_partition = first_partition and kafka_offset <= first_offset"
    )
    assert later == []


def test_bad_records_are_in_quarantine_for_their_reason_and_on_its_topic(run: Run) -> None:
    wanted = Counter(reason for cases in (BAD_PAYMENTS, BAD_SIGNALS) for _, reason in cases.values())
    wanted["unreadable"] = 9
    found = dict(run.rows("select reason, count(*) from quarantine group by all"))
    assert found == {reason: count * len(ROUNDS) for reason, count in wanted.items()}
    told = {
        (row["topic"], row["kafka_partition"], row["kafka_offset"])
        for row in (
            json.loads(message.value() or b"")
            for message in topics.read(run.stack.settings.kafka.bootstrap, QUARANTINE.name, {})
        )
    }
    assert told == set(run.rows("select topic, kafka_partition, kafka_offset from quarantine"))


def test_no_card_number_is_anywhere_in_the_lake(run: Run) -> None:
    spelled = [b"4111111111111111", b"4111 1111 1111 1111", b"4111-1111-1111-1111", b"378282246310005"]
    for (value,) in run.rows("select value from records union all select value from quarantine"):
        assert value is None or not any(number in bytes(value) for number in spelled)
    assert run.rows("select count(*) from records where value is not null and topic = 'transactions'") == [
        tuple(run.rows("select count(*) from transactions")[0])
    ]


def test_a_second_landing_job_refuses(run: Run) -> None:
    run.stack.start_job("landing", "jobs.land_events")
    run.stack.await_open("landing", SECONDS)
    second = said(78, "jobs.land_events", "--config", str(run.stack.settings_file))
    run.stack.processes.stop(["landing"])
    assert "another landing job works" in second.stderr


def test_without_its_checkpoint_it_goes_on_where_it_was(run: Run) -> None:
    before = run.rows("select count(*) from decisions")
    checkpoints = run.stack.settings.paths.checkpoints
    run.bank.spoil()
    run.die("before records")  # its batch stands in every table but the last
    for course in (AT_ONCE, BEHIND):
        shutil.rmtree(checkpoints / course.name)
    run.land()
    books = accounts.close(run.lake, run.ends())
    assert books.difference == 0, books
    assert run.rows("select count(*) from decisions") == before
    assert (
        run.rows("select topic, kafka_partition, kafka_offset from quarantine group by all having count(*) > 1") == []
    )


def test_mended_records_are_put_back_once(run: Run) -> None:
    bootstrap = run.stack.settings.kafka.bootstrap
    refused = run.rows("select kafka_partition, kafka_offset from quarantine where reason = 'unknown_channel'")
    before = topics.ends(bootstrap, TRANSACTIONS.name)
    assert f"would be refused again: unknown_channel {len(refused)}" in run.put_back("unknown_channel")
    assert topics.ends(bootstrap, TRANSACTIONS.name) == before

    first = repair.Record(Place(TRANSACTIONS.name, *refused[0]), KEY, payment(channel="online"))
    spark = session.lake(run.stack.settings.lake)
    repair.note_sending(spark, run.lake, [first], {TRANSACTIONS.name: before})
    repairing.send(bootstrap, [first])  # and then it is killed before it can write that down

    mend = ("--set", "channel=online")
    assert f"put back {len(refused) - 1}" in run.put_back("unknown_channel", *mend)
    assert "put back 0" in run.put_back("unknown_channel", *mend)
    back = [json.loads(message.value() or b"") for message in topics.read(bootstrap, TRANSACTIONS.name, before)]
    assert [one["channel"] for one in back] == ["online"] * len(refused)
    noted = run.rows(
        "select kafka_partition, kafka_offset, sent_partition, sent_offset from repairs where state = 'sent'"
    )
    assert sorted(row[:2] for row in noted) == sorted(refused)
    assert len({row[2:] for row in noted}) == len(refused)


def test_the_lake_can_be_made_again_from_kafka(run: Run) -> None:
    run.land()
    held = {table.name: run.rows(f"select count(*) from {table.name}") for table in TABLES}
    rebuilt = rebuilding.rebuild(run.stack, Screen(run.stack.settings.paths.run / "logs" / "rebuild.log"))
    assert rebuilt.same
    assert {table.name: run.rows(f"select count(*) from {table.name}") for table in TABLES} == held
    run.bank.pay(PAID[-5:], [])
    run.land()
    books = accounts.close(run.lake, run.ends())
    assert (books.not_landed, books.twice, books.foreign) == (0, 0, 0), books
