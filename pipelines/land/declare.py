"""Tables as they are declared: made where they are missing, evolved where a column has come."""

import json
from typing import TYPE_CHECKING, Any

import deltalake
from delta.tables import DeltaTable

from pipelines.catalog import TABLES, Table
from pipelines.errors import ConfigurationError
from pipelines.folders import Folder
from pipelines.turns import turn

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def tables(spark: "SparkSession", lake: Folder) -> None:
    """Make or evolve every table of the catalogue. What is as declared is left alone.

    Raises:
        ConfigurationError: a table that is there has a column of another type than is declared.
    """
    for table in TABLES:
        folder = lake / table.name
        with turn(folder):
            if not deltalake.DeltaTable.is_deltatable(str(folder)):
                _make(spark, table, folder)
            _evolve(spark, table, folder)


def properties(table: Table) -> dict[str, str]:
    """Delta's settings of a table: which columns have statistics, and how long its past is kept."""
    kept = f"interval {table.keep_days} days"
    indexed = {"delta.dataSkippingStatsColumns": ",".join(table.indexed)} if table.indexed else {}
    return {
        **indexed,
        "delta.deletedFileRetentionDuration": kept,
        "delta.logRetentionDuration": kept,
    }


def _make(spark: "SparkSession", table: Table, folder: Folder) -> None:
    builder = DeltaTable.createIfNotExists(spark).location(str(folder)).comment(table.doc)
    for field in table.columns:
        builder = builder.addColumn(field.name, field.type, nullable=not field.required, comment=field.doc)
    constraints = {f"delta.constraints.{name}": sql for name, sql in table.constraints.items()}
    for name, value in {**properties(table), **constraints}.items():  # a constraint that is added later takes a scan
        builder = builder.property(name, value)
    if table.cluster:
        builder = builder.clusterBy(*table.cluster)
    builder.execute()


def _evolve(spark: "SparkSession", table: Table, folder: Folder) -> None:
    """Add columns and constraints that have come since. What is no longer declared stays, unwritten."""
    kept = deltalake.DeltaTable(str(folder))  # reads the log in milliseconds: nearly always nothing has come
    fields = json.loads(kept.schema().to_json())["fields"]
    found = {field["name"]: _spark_type(field["type"]) for field in fields}
    for field in table.columns:
        if found.get(field.name, field.type) != field.type:
            raise ConfigurationError(
                f"table {folder} has {field.name} as {found[field.name]}, declared is {field.type}: rebuild the lake"
            )
    missing = [field for field in table.columns if field.name not in found]
    if missing:
        added = ", ".join(f"{field.name} {field.type} comment {_quoted(field.doc)}" for field in missing)
        spark.sql(f"alter table delta.`{folder}` add columns ({added})")
    present = kept.metadata().configuration
    changed = {name: value for name, value in properties(table).items() if present.get(name) != value}
    if changed:
        pairs = ", ".join(f"{_quoted(name)} = {_quoted(value)}" for name, value in changed.items())
        spark.sql(f"alter table delta.`{folder}` set tblproperties ({pairs})")
    for name, sql in table.constraints.items():
        if f"delta.constraints.{name}" not in present:
            spark.sql(f"alter table delta.`{folder}` add constraint {name} check ({sql})")


def _spark_type(kept: Any) -> str:
    """A type of Delta's own schema in the words of Spark SQL."""
    if isinstance(kept, dict):
        return f"array<{_spark_type(kept['elementType'])}>"
    return {"integer": "int", "long": "bigint"}.get(kept, str(kept))


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
