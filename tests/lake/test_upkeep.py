"""Upkeep beside whoever writes: nothing is lost, what a reader meets stays flat, the past is there for as long as it is kept."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyspark.sql import SparkSession

from pipelines.catalog import DUPLICATES_TABLE
from pipelines.config import Kafka, Paths, Settings
from pipelines.enrich import query as enrich
from pipelines.errors import Unavailable, UsageError
from pipelines.flows import tending
from pipelines.land import declare, upkeep
from pipelines.land.upkeep import Look, Tended
from pipelines.monitor import past
from pipelines.schemas import ddl
from pipelines.turns import turn

FEW, MANY = 200, 1000
LONG_AGO = 400 * 86_400.0
SHAPE = {"kafka_partition": 0, "source_partition": 0, "source_offset": 0, "transaction_id": "t", "cause": "resent"}


@pytest.fixture(autouse=True)
def _options(spark: SparkSession) -> None:
    for name, value in upkeep.OPTIONS.items():
        spark.conf.set(name, value)


@pytest.fixture
def declared(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table as it is declared, clustered."""
    monkeypatch.setattr(declare, "TABLES", (DUPLICATES_TABLE,))
    declare.tables(spark, tmp_path)
    return tmp_path / DUPLICATES_TABLE.name


def commit(folder: Path, numbers: range) -> None:
    """One commit a number, as fast as can be: this writer knows no clustered tables."""
    for number in numbers:
        row = SHAPE | {"kafka_offset": number, "appended_at": datetime.now(UTC)}
        with turn(folder):
            write_deltalake(folder, pa.Table.from_pylist([row]), mode="append", configuration=kept())


def kept() -> dict[str, str | None]:
    return {**declare.properties(DUPLICATES_TABLE)}


def append(spark: SparkSession, folder: Path, number: int) -> None:
    """As landing does it: the same number again is the same batch again."""
    now = datetime.now(UTC)
    rows = [(0, number * 10 + n, now, "t", "approve", 0, n, "resent", 0, 0) for n in range(3)]
    frame = spark.createDataFrame(rows, ddl(DUPLICATES_TABLE.columns))
    once = {"txnAppId": "landing", "txnVersion": str(number)}
    frame.coalesce(1).write.format("delta").mode("append").options(**once).save(str(folder))


def tended_beside(spark: SparkSession, folder: Path, numbers: range) -> list[Tended]:
    """Rounds of upkeep while somebody commits."""
    writer = Thread(target=commit, args=(folder, numbers))
    writer.start()
    rounds = []
    while writer.is_alive():
        rounds.append(upkeep.tend(spark, folder))
        writer.join(timeout=3)
    return rounds


def age(spark: SparkSession, folder: Path) -> None:
    """As if everything that is there were older than it is kept. Delta knows an entry's age by its file."""
    none = ", ".join(f"'delta.{name}RetentionDuration' = 'interval 0 seconds'" for name in ("deletedFile", "log"))
    spark.sql(f"alter table delta.`{folder}` set tblproperties ({none})")
    for file in (folder / "_delta_log").glob("[0-9]*"):
        os.utime(file, (time.time() - LONG_AGO,) * 2)


def tended_at_last(spark: SparkSession, folder: Path) -> Look:
    """What is left once the past is over."""
    age(spark, folder)
    upkeep.tend(spark, folder)
    restored = ", ".join(f"'{name}' = '{value}'" for name, value in kept().items())
    spark.sql(f"alter table delta.`{folder}` set tblproperties ({restored})")
    return upkeep.look(folder)


def work(found: Look) -> int:
    """What a reader has to open."""
    return found.files + found.entries


def test_a_thousand_commits_beside_upkeep_lose_nothing_and_stay_flat(spark: SparkSession, tmp_path: Path) -> None:
    folder = tmp_path / "tended"
    commit(folder, range(1))
    first = tended_beside(spark, folder, range(1, FEW))
    after_few = tended_at_last(spark, folder)
    then = tended_beside(spark, folder, range(FEW, MANY))
    after_many = tended_at_last(spark, folder)
    offsets = DeltaTable(folder).to_pyarrow_table(columns=["kafka_offset"]).column(0).to_pylist()
    assert sorted(offsets) == list(range(MANY))
    assert first and then and DeltaTable(folder).version() > MANY
    assert work(after_many) <= 2 * work(after_few)
    assert after_many.stored <= 2 * after_few.stored
    assert max(after_few.files, after_many.files) <= 2

    untended = tmp_path / "untended"
    commit(untended, range(FEW // 5))
    before = upkeep.look(untended)
    commit(untended, range(FEW // 5, FEW))
    assert work(upkeep.look(untended)) > 2 * work(before)
    assert upkeep.look(untended).stored > 2 * before.stored


def test_a_declared_table_is_clustered_and_an_append_is_still_known_after_upkeep(
    spark: SparkSession, declared: Path
) -> None:
    for number in range(4):
        append(spark, declared, number)
    between = datetime.now(UTC)
    append(spark, declared, 4)
    done = upkeep.tend(spark, declared)
    assert (done.before.files, done.after.files, done.removed) == (5, 1, 0)
    assert done.after.entries == 0
    (commits,) = [one for one in DeltaTable(declared).history() if one["operation"] == "OPTIMIZE"]
    assert "kafka_offset" in commits["operationParameters"]["clusterBy"]
    assert past.read(declared)[0] == 15
    assert past.read(declared, between)[0] == 12

    age(spark, declared)
    assert upkeep.tend(spark, declared).removed >= 5
    append(spark, declared, 4)
    assert past.read(declared)[0] == 15
    with pytest.raises(UsageError, match="duplicates as it was at .* is no longer there: its past is kept for 30 days"):
        past.read(declared, between)


def test_a_version_whose_files_are_gone_is_refused_though_the_log_knows_it(spark: SparkSession, declared: Path) -> None:
    append(spark, declared, 0)
    append(spark, declared, 1)
    between = datetime.now(UTC)
    none = "'delta.deletedFileRetentionDuration' = 'interval 0 seconds'"
    spark.sql(f"alter table delta.`{declared}` set tblproperties ({none})")
    upkeep.tend(spark, declared)
    with pytest.raises(UsageError, match="is no longer there"):
        past.read(declared, between)


def test_how_long_the_past_is_kept_is_declared_and_follows_the_declaration(spark: SparkSession, declared: Path) -> None:
    age(spark, declared)
    assert DeltaTable(declared).metadata().configuration.items() & kept().items() != kept().items()
    declare.tables(spark, declared.parent)
    assert kept().items() <= DeltaTable(declared).metadata().configuration.items()


def test_upkeep_waits_for_whoever_commits_and_he_for_upkeep(spark: SparkSession, declared: Path) -> None:
    append(spark, declared, 0)
    append(spark, declared, 1)
    waiting = Thread(target=upkeep.tend, args=(spark, declared))
    with turn(declared):
        waiting.start()
        waiting.join(timeout=8)
        assert waiting.is_alive()
        assert "OPTIMIZE" not in {one["operation"] for one in DeltaTable(declared).history()}
    waiting.join()
    assert upkeep.look(declared).files == 1


def test_a_conflict_is_tried_again_and_one_that_never_ends_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "ATTEMPTS", 3)
    conflicts: list[Any] = [upkeep.CONFLICTS[0]("in between"), None]

    def disturbed() -> None:
        if problem := conflicts.pop(0):
            raise problem

    upkeep.again(disturbed)
    assert not conflicts
    conflicts += [upkeep.CONFLICTS[0]("in between")] * 3
    with pytest.raises(Unavailable, match="another program keeps changing this table"):
        upkeep.again(disturbed)


def test_only_states_that_nothing_can_go_on_from_are_removed(tmp_path: Path) -> None:
    settings = Settings(kafka=Kafka(retention_hours=24), paths=Paths(run=tmp_path))
    checkpoints = settings.paths.checkpoints
    present, old, lately, other = enrich.folder(checkpoints), *(checkpoints / n for n in ("enrich-a", "enrich-b", "x"))
    for folder in (present, old, lately, other):
        (folder / "state").mkdir(parents=True)
        (folder / "state" / "1").touch()
        for entry in (folder / "state" / "1", folder / "state", folder):
            os.utime(entry, (time.time() - 25 * 3600,) * 2)
    (lately / "state" / "1").touch()
    assert tending.unused(settings) == [old]
