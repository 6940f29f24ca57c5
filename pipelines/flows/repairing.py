"""Putting refused records back, each once: examined, written down, sent, written down again."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaError, Message, Producer

from pipelines import config, session
from pipelines.errors import EnvironmentProblem, Unavailable, UsageError
from pipelines.land import declare, repair
from pipelines.land.repair import Edits, Place, Record, Sent
from pipelines.leadership import Leadership
from pipelines.local import leftovers, topics

HEADER: Final = "repairs"
MOST: Final = 10_000
FLUSH_SECONDS: Final = 60.0
Say = Callable[[str], None]


def run(place: Path, reason: str, edits: Edits, say: Say) -> None:
    """Put back what was refused for a reason and may pass now. A second run puts nothing back twice.

    Args:
        place: folder of a live run.
        reason: why it was refused.
        edits: what is changed in every record.
        say: tells the user one line.

    Raises:
        UsageError: the run is not live.
        EnvironmentProblem: somebody else is at it.
        Unavailable: the broker does not take them all; what it took is known at the next run.
    """
    if not leftovers.holder(place):
        raise UsageError(f"no run is live in {place}: start it first, then its records can be put back")
    settings = config.load(place / "settings.yaml")
    lake, bootstrap = settings.paths.lake, settings.kafka.bootstrap
    say("starting Spark")
    spark = session.lake(settings.lake, store=settings.paths.store)
    try:
        held = Leadership(settings.paths.checkpoints / HEADER)
        if not held.take(spark):
            raise EnvironmentProblem(f"somebody else is putting records back in {place}: wait until that is done")
        declare.tables(spark, lake)
        open_ones = repair.unfinished(spark, lake)
        repair.note_sent(spark, lake, found_again(bootstrap, open_ones))
        found = repair.refused(spark, lake, reason, MOST)
        say(f"{len(found.records):,} records of {reason} are whole, {found.broken:,} are not and stay")
        looked = repair.look_again(spark, [edits.applied(record) for record in found.records])
        ends = {topic: topics.ends(bootstrap, topic) for topic in {record.place.topic for record in looked.good}}
        repair.note_sending(spark, lake, looked.good, ends)
        sent, failed = send(bootstrap, looked.good)
        repair.note_sent(spark, lake, sent)
        still = ", ".join(f"{name} {count:,}" for name, count in sorted(looked.refused.items())) or "none"
        say(f"put back {len(sent):,}; would be refused again: {still}")
        if failed:
            raise Unavailable(f"{failed:,} records were not taken by the broker: run this again")
    finally:
        spark.stop()


def found_again(bootstrap: str, open_ones: dict[Place, dict[int, int]]) -> list[Sent]:
    """Of records that may have been sent before a crash, those that were: they stand in the topic with their header."""
    wanted = {str(place): place for place in open_ones}
    found = []
    for topic in {place.topic for place in open_ones}:
        known = [ends for place, ends in open_ones.items() if place.topic == topic]
        since = {part: min(ends.get(part, 0) for ends in known) for part in known[0]}
        for message in topics.read(bootstrap, topic, since):
            place = wanted.pop(_header(message), None)
            if place:
                found.append(Sent(place, message.partition() or 0, message.offset() or 0))
    return found


def send(bootstrap: str, records: Iterable[Record]) -> tuple[list[Sent], int]:
    """Send records to the topics they came from; what the broker has, and how many it has not."""
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    sent: list[Sent] = []
    failed: list[KafkaError] = []
    for record in records:

        def told(error: KafkaError | None, message: Message, place: Place = record.place) -> None:
            if error is None:
                sent.append(Sent(place, message.partition() or 0, message.offset() or 0))
            else:
                failed.append(error)

        headers: list[tuple[str, str | bytes | None]] = [(HEADER, str(record.place))]
        producer.produce(record.place.topic, record.value, record.key, headers=headers, on_delivery=told)
        producer.poll(0)
    left = producer.flush(FLUSH_SECONDS)
    return sent, len(failed) + left


def _header(message: Message) -> str:
    headers = dict(message.headers() or [])
    value = headers.get(HEADER)
    return value.decode() if isinstance(value, bytes) else ""
