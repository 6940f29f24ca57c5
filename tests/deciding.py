"""A decision path to test with: a small model on disk, records for it in their order, and what it answered."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines import manifest
from pipelines.catalog import HISTORY, HISTORY_COMPLETE, SIGNALS, TRANSACTIONS
from pipelines.features import book
from pipelines.local import topics
from pipelines.train import fit
from tests.events import Record

NAMES = [feature.name for feature in book.FEATURES]


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
