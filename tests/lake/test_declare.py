"""A table is made as it is declared, gets what is declared later, and refuses rows that break a constraint."""

from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from pipelines.catalog import REPAIRS_TABLE, Table
from pipelines.errors import ConfigurationError
from pipelines.land import declare
from pipelines.schemas import Field

KIND = Field("kind", "string", True, "What it is")
SIZE = Field("size", "int", False, "How large it is, in bytes")
PLAIN = REPAIRS_TABLE._replace(name="made", columns=(KIND,), cluster=(), constraints={})
WHOLE = PLAIN._replace(columns=(KIND, SIZE), constraints={"known_kind": "kind in ('a', 'b')"})


def declared(spark: SparkSession, lake: Path, monkeypatch: pytest.MonkeyPatch, *tables: Table) -> DeltaTable:
    for table in tables:
        monkeypatch.setattr(declare, "TABLES", (table,))
        declare.tables(spark, lake)
    return DeltaTable(lake / "made")


@pytest.mark.parametrize("steps", [(WHOLE,), (PLAIN, WHOLE)], ids=["at once", "later"])
def test_a_constraint_and_a_column_hold_whether_they_were_there_from_the_start_or_came_later(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: tuple[Table, ...]
) -> None:
    made = declared(spark, tmp_path, monkeypatch, *steps)
    assert [field.name for field in made.schema().fields] == ["kind", "size"]
    assert made.metadata().configuration["delta.constraints.known_kind"].startswith("kind in (")
    folder = str(tmp_path / "made")
    spark.createDataFrame([("a", 1)], "kind string, size int").write.format("delta").mode("append").save(folder)
    with pytest.raises(Exception, match="known_kind"):
        spark.createDataFrame([("c", 1)], "kind string, size int").write.format("delta").mode("append").save(folder)
    version = made.version() + 1
    assert DeltaTable(folder).version() == version
    declared(spark, tmp_path, monkeypatch, WHOLE)
    assert DeltaTable(folder).version() == version, "what is as declared is left alone"


def test_a_column_of_another_type_is_refused(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = PLAIN._replace(columns=(Field("kind", "int", True, "What it is"),))
    with pytest.raises(ConfigurationError, match="has kind as string, declared is int"):
        declared(spark, tmp_path, monkeypatch, PLAIN, other)
