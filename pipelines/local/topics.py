"""Topics from outside: made as the catalogue declares them, and read from an offset to their present end."""

import time
from collections.abc import Iterator, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from pipelines.catalog import Topic
from pipelines.config import Kafka
from pipelines.errors import Unavailable

Offsets = dict[int, int]
"""Partition to offset."""

TIMEOUT_SECONDS = 15.0
_PASSING = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)


def create(kafka: Kafka, topics: Sequence[Topic]) -> None:
    """Make the topics that are not there yet. The broker stamps every record: an honest clock for latencies.

    Raises:
        Unavailable: the broker does not make them.
    """
    wanted = [_declared(kafka, topic) for topic in topics]
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    for name, made in admin.create_topics(wanted).items():
        try:
            made.result(TIMEOUT_SECONDS)
        except KafkaException as problem:
            if problem.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise Unavailable(f"topic {name} on {kafka.bootstrap}: {problem.args[0].str()}") from problem


def ends(bootstrap: str, topic: str) -> Offsets:
    """The offset that the next record of each partition will get.

    Raises:
        Unavailable: the broker does not answer.
    """
    consumer = reader(bootstrap)
    try:
        return _ends(consumer, topic)
    except KafkaException as problem:
        raise Unavailable(f"topic {topic} on {bootstrap}: {problem.args[0].str()}; see the broker's log") from problem
    finally:
        consumer.close()


def read(bootstrap: str, topic: str, since: Offsets) -> Iterator[Message]:
    """Every record from `since` to the end that the topic has now.

    Raises:
        Unavailable: the broker stops answering.
    """
    until = ends(bootstrap, topic)
    left = {number for number, end in until.items() if end > since.get(number, 0)}
    consumer = reader(bootstrap)
    try:
        consumer.assign([TopicPartition(topic, number, since.get(number, 0)) for number in left])
        silent_since = time.monotonic()
        while left:
            messages = consumer.consume(1000, timeout=0.1)
            if messages:
                silent_since = time.monotonic()
            elif time.monotonic() - silent_since > TIMEOUT_SECONDS:
                raise Unavailable(
                    f"topic {topic} on {bootstrap}: silent for {TIMEOUT_SECONDS:.0f} s; see the broker's log"
                )
            yield from (message for message in messages if message.error() is None)
            reached = consumer.position([TopicPartition(topic, number) for number in left])
            left -= {place.partition for place in reached if place.offset >= until[place.partition]}
    finally:
        consumer.close()


def reader(bootstrap: str) -> Consumer:
    """A consumer that stands alone: no group to join, nothing to commit."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "clearhold-local",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )


def _will_pass(problem: BaseException) -> bool:
    """Whether it may go better in a moment: a topic that was just made has no leader yet."""
    return isinstance(problem, KafkaException) and problem.args[0].code() in _PASSING


@retry(retry=retry_if_exception(_will_pass), stop=stop_after_delay(TIMEOUT_SECONDS), wait=wait_fixed(0.2), reraise=True)
def _ends(consumer: Consumer, topic: str) -> Offsets:
    partitions = consumer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic].partitions
    return {
        number: consumer.get_watermark_offsets(TopicPartition(topic, number), TIMEOUT_SECONDS)[1]
        for number in partitions
    }


def _declared(kafka: Kafka, topic: Topic) -> NewTopic:
    hours = topic.retention_hours or kafka.retention_hours
    kept = {"cleanup.policy": "compact"} if topic.compacted else {"retention.ms": str(hours * 3_600_000)}
    partitions = 1 if topic.single else kafka.partitions
    settings = {"message.timestamp.type": "LogAppendTime", **kept}
    return NewTopic(topic.name, num_partitions=partitions, replication_factor=kafka.replication, config=settings)
