"""A card is forgotten in every table and its past, another whose token begins alike stays, and the books add up at every step."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from pipelines import rows as appended
from pipelines.catalog import (
    APPLIED,
    CONTRIBUTIONS_TABLE,
    DECISIONS,
    DECISIONS_TABLE,
    DUPLICATES_TABLE,
    FEATURES,
    QUARANTINE_TABLE,
    RECORDS_TABLE,
    SIGNALS,
    TABLES,
    TRANSACTIONS,
)
from pipelines.errors import UsageError
from pipelines.features import book
from pipelines.land import declare, erasure, resume, tables, upkeep
from pipelines.local import landed
from pipelines.monitor import accounts, past, traces
from pipelines.schemas import DECISION, EVENT, SEQUENCES, names
from tests.bad_records import GOOD, VERDICT

CARD, OTHER = "c1", "c12"
ENDS = {"transactions": {0: 8}, "signals": {0: 2}, "features": {0: 4}, "decisions": {0: 5}, "applied": {0: 2}}
NUMBERS = {"int": 0, "bigint": 0, "double": 0.5, "array<string>": []}
PAID = ((CARD, "t-1"), (CARD, "t-1"), (OTHER, "t-2"), (OTHER, "t-2"))
"""Each card's payment, and the same sent again."""
Sent = tuple[str, int, bytes | None, bytes]


def logged(topic: str, known: dict[str, Any]) -> bytes:
    """What the stream writes about an event."""
    fields = DECISION if topic == DECISIONS.name else (*EVENT, *SEQUENCES)
    about = {"kind": "transaction", "origin": TRANSACTIONS.name, "event_id": "e", "action": "approve"} | known
    record = {one.name: about.get(one.name, NUMBERS.get(one.type, "x") if one.required else None) for one in fields}
    features = {"features": {each.name: 1.0 for each in book.FEATURES}} if topic == FEATURES.name else {}
    return json.dumps(record | features).encode()


def sent() -> list[Sent]:
    """Every kind of record, of two cards."""
    made: list[Sent] = []
    for offset, (card, payment) in enumerate(PAID):
        about = GOOD | {"card_id": card, "transaction_id": payment, "source_offset": offset}
        made.append((TRANSACTIONS.name, offset, card.encode(), json.dumps(GOOD | about).encode()))
        made += [(topic, offset, card.encode(), logged(topic, about)) for topic in (FEATURES.name, DECISIONS.name)]
    again = logged(DECISIONS.name, GOOD | {"card_id": CARD, "transaction_id": "t-1", "source_offset": 0})
    made.append((DECISIONS.name, 4, CARD.encode(), again))
    for offset, card in enumerate((CARD, OTHER)):
        about = VERDICT | {"card_id": card, "origin": SIGNALS.name}
        made.append((SIGNALS.name, offset, card.encode(), json.dumps(VERDICT | {"card_id": card}).encode()))
        made.append((APPLIED.name, offset, card.encode(), logged(APPLIED.name, about | {"kind": "verdict"})))
        refused = json.dumps(GOOD | {"card_id": card, "channel": "pigeon"}).encode()
        made.append((TRANSACTIONS.name, 4 + offset, card.encode(), refused))
        made.append((TRANSACTIONS.name, 6 + offset, None, f"card={card};amount=5".encode("utf-16")))
    return made


@pytest.fixture(scope="module")
def written(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake as landing leaves it."""
    for name, value in upkeep.OPTIONS.items():
        spark.conf.set(name, value)
    lake = tmp_path_factory.mktemp("erasure")
    declare.tables(spark, lake)
    now = datetime.now(UTC)
    rows = [(key, value, topic, 0, offset, now) for topic, offset, key, value in sent()]
    shape = "key binary, value binary, topic string, partition int, offset bigint, timestamp timestamp"
    looked = tables.looked_at(spark.createDataFrame(rows, shape)).persist()
    decided = tables.decided(looked)
    repeats = decided.where("kafka_offset in (1, 3, 4)").selectExpr(
        "*",
        "if(kafka_offset = 4, 'repeated', 'resent') as cause",
        "0 as first_partition",
        "bigint(if(kafka_offset = 3, 2, 0)) as first_offset",
    )
    at_once = looked.where(F.col("topic") != APPLIED.name)
    for table, frame in (
        *((table, rows_of(looked)) for _, table, rows_of in tables.TYPED),
        (DECISIONS_TABLE, decided.where("kafka_offset in (0, 2)")),
        (DUPLICATES_TABLE, repeats.select(*names(DUPLICATES_TABLE.columns))),
        (QUARANTINE_TABLE, tables.quarantine(looked)),
        (RECORDS_TABLE, tables.records(at_once)),
    ):
        frame.coalesce(1).write.format("delta").mode("append").save(str(lake / table.name))
    looked.unpersist()
    about = {"kafka_partition": 0, "appended_at": now, "transaction_id": "t", "event_ms": 0, "model_version": "1"}
    said = {"score": 0.5, "base": 0.0, "margin": 0.0, "features": [], "contributions": []}
    stopped = [about | said | {"kafka_offset": offset, "card_id": card} for offset, card in ((0, CARD), (2, OTHER))]
    appended.append(lake, CONTRIBUTIONS_TABLE, stopped)
    return lake


@pytest.fixture
def lake(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "lake"))


def rows(lake: Path, table: str, columns: list[str]) -> list[tuple[Any, ...]]:
    found = DeltaTable(lake / table).to_pyarrow_table(columns=columns).to_pylist()
    return sorted(tuple(row[name] for name in columns) for row in found)


def in_tables(lake: Path, card: str) -> dict[str, int]:
    """Files that hold a token, by table."""
    found = {table.name: len(traces.search(lake / table.name, card).found) for table in TABLES}
    return {name: count for name, count in found.items() if count}


def closed(lake: Path) -> tuple[int, ...]:
    books = accounts.close(lake, ENDS)
    assert books.difference == 0, books
    return books.decided, books.duplicates, books.quarantined, books.erased


def test_only_the_card_goes_its_past_with_it_and_the_books_add_up_after_every_step(
    spark: SparkSession, lake: Path
) -> None:
    holding = in_tables(lake, CARD)
    assert {"records", "quarantine", *(table.name for table in erasure.TYPED)} == set(holding)
    counted = {
        "records": 8,
        "transactions": 2,
        "signals": 1,
        "features": 2,
        "applied": 1,
        "decisions": 1,
        "contributions": 1,
    }
    assert erasure.count(spark, lake, CARD) == {**counted, "duplicates": 2, "quarantine": 2}
    assert closed(lake) == (2, 2, 4, 0)
    before = datetime.now(UTC)

    erasure.note(spark, lake, CARD)
    assert closed(lake) == (2, 2, 4, 0)
    erasure.note(spark, lake, CARD)  # as after a crash
    ended = [("applied", 0, "applied"), ("transactions", 0, "decided"), ("transactions", 1, "duplicate")]
    assert rows(lake, "erasures", ["topic", "kafka_offset", "ended"]) == ended
    erasure.remove(spark, lake, CARD)
    assert closed(lake) == (1, 1, 4, 2)
    assert in_tables(lake, CARD) == holding, "the past holds it, and nothing has come to it"
    erasure.note(spark, lake, CARD)
    erasure.remove(spark, lake, CARD)
    erasure.vacuum(spark, lake)
    assert in_tables(lake, CARD) == {}
    assert closed(lake) == (1, 1, 4, 2)
    assert len(rows(lake, "erasures", ["kafka_offset"])) == 3
    assert set(erasure.count(spark, lake, CARD).values()) == {0}
    with pytest.raises(UsageError, match="is no longer there"):
        past.read(lake / "transactions", before)

    assert set(in_tables(lake, OTHER)) == set(holding)
    assert erasure.count(spark, lake, OTHER) == {**counted, "records": 7, "duplicates": 1, "quarantine": 2}
    assert landed.holds(lake, ENDS)
    assert resume.landed(lake, (APPLIED,)) == {"applied": {0: 2}}


def test_refused_records_keep_their_place_and_nothing_about_a_person(spark: SparkSession, lake: Path) -> None:
    before = rows(lake, "quarantine", ["kafka_offset", "reason", "bytes"])
    erasure.remove(spark, lake, CARD)
    assert rows(lake, "quarantine", ["kafka_offset", "reason", "bytes"]) == before
    kept = DeltaTable(lake / "quarantine").to_pyarrow_table().to_pylist()
    emptied = [row for row in kept if row["value"] is None]
    assert {row["kafka_offset"] for row in emptied} == {4, 6}
    assert not any(row["key"] or row["sha256"] or row["is_whole"] for row in emptied)
    assert all(row["sha256"] for row in kept if row not in emptied)


@pytest.fixture(scope="module")
def forgotten(spark: SparkSession, written: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that a card was removed from, after a crash in the middle of it. `decisions.bytes`: a file that held the card."""
    lake = Path(shutil.copytree(written, tmp_path_factory.mktemp("forgotten") / "lake"))
    (held,) = (lake / "decisions").glob("*.parquet")
    shutil.copy(held, lake / "decisions.bytes")
    erasure.note(spark, lake, CARD)
    table = spark.read.format("delta").load(str(lake / "transactions"))
    table.where(F.col("card_id") != CARD).write.format("delta").mode("overwrite").save(str(lake / "transactions"))
    assert closed(lake) == (2, 2, 4, 0)
    for step in (erasure.note, erasure.remove):
        step(spark, lake, CARD)
    erasure.vacuum(spark, lake)
    return lake


def test_a_crash_in_the_middle_leaves_what_the_next_run_needs(forgotten: Path) -> None:
    assert closed(forgotten) == (1, 1, 4, 2)
    assert in_tables(forgotten, CARD) == {}


def test_what_is_left_over_is_found(forgotten: Path, tmp_path: Path) -> None:
    lake = Path(shutil.copytree(forgotten, tmp_path / "lake"))
    assert in_tables(lake, CARD) == {}
    (lake / "decisions.bytes").rename(lake / "decisions" / "uncommitted.parquet")
    (lake / "transactions" / "_delta_log" / "left.json").write_text(json.dumps({"stats": json.dumps({"min": CARD})}))
    (lake / "signals" / "no table.json").write_text(json.dumps({"card": OTHER}))
    assert in_tables(lake, CARD) == {"decisions": 1, "transactions": 1}


def test_a_token_is_found_as_a_word_or_as_a_json_string_never_within_another(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    for content, token, found in (
        ('{"card_id": "c1"}', CARD, True),
        ("card c1, declined", CARD, True),
        ("predicate (card_id = c1)", CARD, True),
        ('{"card_id": "c12"} c1-7 xc1', CARD, False),
        ('{"amount": 596}', "596", False),
        ('{"card_id": "596"}', "596", True),
        ("", CARD, False),
    ):
        file.write_text(content)
        assert traces.holds(file, token) is found, content
