"""How long topics are, asked from where only kafka-python is installed."""

from contextlib import closing

from kafka import KafkaConsumer, TopicPartition

Ends = dict[str, dict[int, int]]
"""Topic -> partition -> the offset that its next record will get."""


def partitions(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    """The partitions of a topic, in order; its first one for a topic that does not answer."""
    return [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or {0})]


def ends(consumer: KafkaConsumer, topic: str) -> dict[int, int]:
    """Length of each partition of a topic: partition -> next offset."""
    return {part.partition: end for part, end in consumer.end_offsets(partitions(consumer, topic)).items()}


def end_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """The same, asked once."""
    with closing(KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)) as consumer:
        return ends(consumer, topic)


def first_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """The offset of the first record that each partition of a topic still has: partition -> offset."""
    with closing(KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)) as consumer:
        begins = consumer.beginning_offsets(partitions(consumer, topic))
        return {part.partition: begin for part, begin in begins.items()}


def recent(bootstrap: str, *topics: str, records: int) -> dict[str, dict[str, int]]:
    """Where the last `records` records of each partition begin: topic -> partition -> offset, as `streams` takes it."""
    with closing(KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)) as consumer:
        return {topic: last(consumer, topic, records) for topic in topics}


def last(consumer: KafkaConsumer, topic: str, records: int) -> dict[str, int]:
    """Where the last `records` records of each partition of one topic begin."""
    parts = partitions(consumer, topic)
    begins, ends = consumer.beginning_offsets(parts), consumer.end_offsets(parts)
    return {str(part.partition): max(begins[part], ends[part] - records) for part in parts}
