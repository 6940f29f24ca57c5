"""How long a topic is, asked from where only kafka-python is installed."""

from kafka import KafkaConsumer, TopicPartition


def end_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """Length of each partition of a topic: partition -> next offset."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    try:
        parts = [TopicPartition(topic, part) for part in consumer.partitions_for_topic(topic) or set()]
        return {part.partition: offset for part, offset in consumer.end_offsets(parts).items()}
    finally:
        consumer.close()
