"""A history folder onto Kafka: payments and signals in one stream, in the order of their event times."""

import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
from confluent_kafka import Producer

from pipelines import catalog
from pipelines.errors import Unavailable, UsageError
from pipelines.simulate.history import SIGNALS_FILE, TRANSACTIONS_FILE

_BATCH = 5_000
_BOUND = 50_000
_FLUSH_SECONDS = 60.0


class Published(NamedTuple):
    """How many records of a history the broker has acknowledged."""

    payments: int
    signals: int


def publish(
    folder: Path, producer_settings: dict[str, Any], progress: Callable[[int, int], None] | None = None
) -> Published:
    """Send transactions.parquet and signals.parquet of a folder to the topic `history`, as fast as it goes.

    Args:
        folder: what `write_history` wrote, or files of the same columns in event-time order.
        producer_settings: of librdkafka; `bootstrap.servers` at least.
        progress: called now and then with records sent and records in all.

    Raises:
        UsageError: a file is missing.
        Unavailable: the broker did not acknowledge everything. What it did acknowledge stays in the topic.
    """
    files = [_open(folder / name) for name in (TRANSACTIONS_FILE, SIGNALS_FILE)]
    total = sum(file.metadata.num_rows for file in files)
    records = heapq.merge(*map(_records, files), key=lambda record: record["event_time"])
    return send(records, total, producer_settings, progress)


def send(
    records: Iterable[Mapping[str, Any]],
    total: int,
    producer_settings: dict[str, Any],
    progress: Callable[[int, int], None] | None = None,
) -> Published:
    """Send payments and signals to the topic `history` in the order they are given; the last one says that it is complete.

    Args:
        records: with the fields of `schemas.TRANSACTION` or `schemas.SIGNAL`.
        total: how many there are.
        producer_settings: as for `publish`.
        progress: the same.

    Raises:
        Unavailable: the broker did not acknowledge everything. What it did acknowledge stays in the topic.
    """
    refused: list[str] = []
    counts = {"payment": 0, "signal": 0}
    producer = Producer(
        {
            "enable.idempotence": True,
            "log_level": 0,
            "linger.ms": 20,
            "batch.size": 500_000,
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 2 * _BOUND,
            "on_delivery": lambda error, _: refused.append(str(error)) if error else None,
            **producer_settings,
        }
    )
    for done, record in enumerate(records, 1):
        counts["signal" if "signal_id" in record else "payment"] += 1
        headers: list[tuple[str, str | bytes | None]] | None = [catalog.HISTORY_COMPLETE] if done == total else None
        producer.produce(catalog.HISTORY.name, json.dumps(record), record.get("card_id"), headers=headers)
        if done % _BATCH == 0:
            _make_room(producer)
            if progress:
                progress(done, total)
    left = producer.flush(_FLUSH_SECONDS)
    if left or refused:
        raise Unavailable(
            f"history: the broker did not take {left + len(refused)} of {total} records ({', '.join(refused[:1])}); "
            "publish into a fresh topic"
        )
    if progress:
        progress(total, total)
    return Published(counts["payment"], counts["signal"])


def _make_room(producer: Producer) -> None:
    producer.poll(0)
    if len(producer) > _BOUND and producer.flush(_FLUSH_SECONDS) > _BOUND:
        raise Unavailable(
            f"history: the broker took nothing for {_FLUSH_SECONDS:.0f} s; see its log and publish into a fresh topic"
        )


def _open(file: Path) -> pq.ParquetFile:
    if not file.is_file():
        raise UsageError(f"history file {file} is missing: write the history first")
    return pq.ParquetFile(file)


def _records(file: pq.ParquetFile) -> Iterator[dict[str, Any]]:
    for batch in file.iter_batches(_BATCH):
        for row in batch.to_pylist():
            yield {name: value for name, value in row.items() if value is not None}
