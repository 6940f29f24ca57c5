"""Erasing a card: what is noted first, which rows go, which keep only their place, and the past without which nothing is gone.

Each step may be run again after a crash: none of them needs what a later one removes.
"""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from delta.tables import DeltaTable
from pyspark.sql import Column
from pyspark.sql import functions as F

from pipelines.catalog import (
    APPLIED,
    APPLIED_TABLE,
    CONTRIBUTIONS_TABLE,
    DECISIONS_TABLE,
    DUPLICATES_TABLE,
    ERASURES_TABLE,
    FEATURES_TABLE,
    QUARANTINE_TABLE,
    RECORDS_TABLE,
    SIGNALS_TABLE,
    TABLES,
    TRANSACTIONS,
    TRANSACTIONS_TABLE,
    Table,
)
from pipelines.folders import Folder
from pipelines.land.upkeep import again
from pipelines.schemas import names

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

TYPED: Final = (
    TRANSACTIONS_TABLE,
    SIGNALS_TABLE,
    FEATURES_TABLE,
    APPLIED_TABLE,
    DECISIONS_TABLE,
    CONTRIBUTIONS_TABLE,
)
"""Tables with a column `card_id`."""
NAMING: Final = (DUPLICATES_TABLE, RECORDS_TABLE, QUARANTINE_TABLE, *TYPED)
"""Tables that may name a card."""
NO_CHECK: Final = "spark.databricks.delta.retentionDurationCheck.enabled"
_WORD: Final = "[A-Za-z0-9_-]"
_PLACE: Final = ("topic", "kafka_partition", "kafka_offset")
_NOTHING: Final = {"key": "null", "value": "null"}
_EMPTIED: Final[dict[str, dict[str, str | Column]]] = {
    RECORDS_TABLE.name: {**_NOTHING},
    QUARANTINE_TABLE.name: {**_NOTHING, "sha256": "null", "is_whole": "false"},
}
"""Tables whose rows stay without what they held."""


def count(spark: "SparkSession", lake: Folder, card: str) -> dict[str, int]:
    """Rows that name a card: table -> how many."""
    return {table.name: _rows(spark, lake, card, table).count() for table in NAMING}


def note(spark: "SparkSession", lake: Folder, card: str) -> None:
    """Write down how the card's payments had ended, and the places of what the state took in: the books need them."""
    about = ("source_partition as kafka_partition", "source_offset as kafka_offset")
    decided = _rows(spark, lake, card, DECISIONS_TABLE).selectExpr(*about, "'decided' as ended")
    repeats = _rows(spark, lake, card, DUPLICATES_TABLE).where("cause = 'resent'")
    resent = repeats.selectExpr(*about, "'duplicate' as ended").distinct()
    payments = decided.unionByName(resent).withColumn("topic", F.lit(TRANSACTIONS.name))
    taken = _rows(spark, lake, card, APPLIED_TABLE).select(
        "kafka_partition", "kafka_offset", F.lit("applied").alias("ended"), F.lit(APPLIED.name).alias("topic")
    )
    known = _read(spark, lake, ERASURES_TABLE).select(*_PLACE)
    rows = payments.unionByName(taken).join(known, list(_PLACE), "left_anti").withColumn("at", F.lit(datetime.now(UTC)))
    new = rows.select(*names(ERASURES_TABLE.columns)).coalesce(1)
    new.write.format("delta").mode("append").save(str(lake / ERASURES_TABLE.name))


def remove(spark: "SparkSession", lake: Folder, card: str) -> None:
    """Remove the card's rows; records and refused records keep their place. `duplicates` goes first: it is found by others.

    Rows are named by their places: Delta writes the condition of a delete into its log, where the token would stay.
    """
    for table in NAMING:
        keys = [name for name in _PLACE if name in names(table.columns)]
        places = _rows(spark, lake, card, table).select(*keys).localCheckpoint()
        kept = DeltaTable.forPath(spark, str(lake / table.name)).alias("kept")
        matched = kept.merge(places.alias("gone"), " and ".join(f"kept.{name} = gone.{name}" for name in keys))
        emptied = _EMPTIED.get(table.name)
        action = matched.whenMatchedUpdate(set=emptied) if emptied else matched.whenMatchedDelete()
        if not places.isEmpty():
            again(action.execute)


def vacuum(spark: "SparkSession", lake: Folder) -> None:
    """Remove every file that the present versions do not need, however young. Only where nobody writes."""
    before = spark.conf.get(NO_CHECK, None)
    spark.conf.set(NO_CHECK, "false")
    try:
        for table in TABLES:
            spark.sql(f"vacuum delta.`{lake / table.name}` retain 0 hours").collect()
    finally:
        spark.conf.unset(NO_CHECK) if before is None else spark.conf.set(NO_CHECK, before)


def _rows(spark: "SparkSession", lake: Folder, card: str, table: Table) -> "DataFrame":
    """Rows of a table that name the card."""
    rows = _read(spark, lake, table)
    if table is RECORDS_TABLE:
        return rows.where(_in_record(card))
    if table is QUARANTINE_TABLE:
        return rows.where(_in_refused(card))
    if table is DUPLICATES_TABLE:
        return rows.join(_transactions(spark, lake, card), "transaction_id", "left_semi")
    return rows.where(F.col("card_id") == card)


def _transactions(spark: "SparkSession", lake: Folder, card: str) -> "DataFrame":
    """Ids of the card's payments, from every table that may still know them."""
    found = [
        _read(spark, lake, table).where(F.col("card_id") == card).select("transaction_id")
        for table in (TRANSACTIONS_TABLE, FEATURES_TABLE, DECISIONS_TABLE)
    ]
    return found[0].unionAll(found[1]).unionAll(found[2]).where("transaction_id is not null").distinct()


def _in_record(card: str) -> Column:
    """Whether an admitted record is the card's: its key, its field, or any text in it, is the token."""
    text = F.col("value").cast("string")
    field = F.get_json_object(text, "$.card_id") == card
    return _or(F.col("key").cast("string") == card, field, text.contains(f'"{card}"'))


def _in_refused(card: str) -> Column:
    """Whether a refused record names the card.

    In a JSON object as in an admitted one, elsewhere as a word: its bytes may be anything, also two bytes a letter.
    """
    word = f"(?<!{_WORD}){re.escape(card)}(?!{_WORD})"
    key, value = (F.translate(F.decode(F.col(name), "ISO-8859-1"), "\x00", "") for name in ("key", "value"))
    is_object = F.json_object_keys(F.col("value").cast("string")).isNotNull()
    return _or(_in_record(card), key.rlike(f"^{re.escape(card)}$"), ~is_object & value.rlike(word))


def _or(*conditions: Column) -> Column:
    """Whether one of them is so; what is not known is not so."""
    found = F.lit(False)
    for condition in conditions:
        found = found | F.coalesce(condition, F.lit(False))
    return found


def _read(spark: "SparkSession", lake: Folder, table: Table) -> "DataFrame":
    return spark.read.format("delta").load(str(lake / table.name))
