"""Refused records that may pass now, mended or because the checks have changed: found, examined again, written down."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyspark.sql import functions as F

from pipelines.catalog import QUARANTINE_TABLE, REPAIRS_TABLE, TRANSACTIONS
from pipelines.folders import Folder
from pipelines.ingest.events import examined
from pipelines.land.tables import REFUSABLE
from pipelines.schemas import ddl
from pipelines.turns import turn

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PLACE: Final = ("topic", "kafka_partition", "kafka_offset")
SENDING: Final = "sending"
SENT: Final = "sent"


class Place(NamedTuple):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """As it stands in the header of the record that was put back."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class Record(NamedTuple):
    """A refused record: where it stands, its key and its value, byte for byte."""

    place: Place
    key: bytes | None
    value: bytes | None


class Sent(NamedTuple):
    """A refused record's place, and where it was put back."""

    place: Place
    partition: int
    offset: int


class Edits(NamedTuple):
    """What is changed in every record: fields renamed, dropped, then set."""

    rename: Mapping[str, str] = {}
    drop: frozenset[str] = frozenset()
    put: Mapping[str, Any] = {}

    def applied(self, record: Record) -> Record:
        """The record with these changes. Without any it stays as it is, byte for byte, and so does what is no JSON object.

        A payment's key follows its card.
        """
        fields = _object(record.value)
        if fields is None:
            return record
        mended = {self.rename.get(name, name): value for name, value in fields.items() if name not in self.drop}
        mended |= self.put
        value = record.value if mended == fields else json.dumps(mended, ensure_ascii=False).encode()
        card = mended.get("card_id")
        if record.place.topic == TRANSACTIONS.name and isinstance(card, str):
            record = record._replace(key=card.encode())
        return record._replace(value=value)


class Found(NamedTuple):
    """Refused records of a reason: those that are whole and not put back yet, and how many are not whole."""

    records: list[Record]
    broken: int


class Verdicts(NamedTuple):
    """After another look: what may pass, and how many are refused still, by reason."""

    good: list[Record]
    refused: dict[str, int]


def refused(spark: "SparkSession", lake: Folder, reason: str, most: int) -> Found:
    """Refused records of a reason that have not been put back, the earliest first."""
    rows = _read(spark, lake / QUARANTINE_TABLE.name).where(
        (F.col("reason") == reason) & F.col("topic").isin(*REFUSABLE)
    )
    done = _read(spark, lake / REPAIRS_TABLE.name).where(F.col("state") == SENT).select(*PLACE)
    left = rows.join(done, list(PLACE), "left_anti")
    found = left.where("is_whole").orderBy("appended_at", *PLACE).limit(most).select(*PLACE, "key", "value").collect()
    records = [Record(Place(*row[:3]), _bytes(row.key), _bytes(row.value)) for row in found]
    return Found(records, left.where("not is_whole").count())


def unfinished(spark: "SparkSession", lake: Folder) -> dict[Place, dict[int, int]]:
    """Records of which it is not known whether they were sent, as after a crash: place -> the topic's ends before."""
    rows = _read(spark, lake / REPAIRS_TABLE.name)
    done = rows.where(F.col("state") == SENT).select(*PLACE)
    open_ones = rows.where(F.col("state") == SENDING).join(done, list(PLACE), "left_anti")
    return {
        Place(*row[:3]): {int(part): end for part, end in json.loads(row.since).items()}
        for row in open_ones.select(*PLACE, "since").collect()
    }


def look_again(spark: "SparkSession", records: list[Record]) -> Verdicts:
    """Examine records with the checks of today, as if they came now."""
    if not records:
        return Verdicts([], {})
    rows = [(n, record.key, record.value, record.place.topic) for n, record in enumerate(records)]
    frame = spark.createDataFrame(rows, "n int, key binary, value binary, topic string").selectExpr(
        "*", "0 as partition", "bigint(n) as offset", "current_timestamp() as timestamp"
    )
    reasons = {row.n: row.reason for row in examined(frame).select("n", "reason").collect()}
    counted: dict[str, int] = {}
    for reason in filter(None, reasons.values()):
        counted[reason] = counted.get(reason, 0) + 1
    return Verdicts([record for n, record in enumerate(records) if reasons[n] is None], counted)


def note_sending(
    spark: "SparkSession", lake: Folder, records: Iterable[Record], since: Mapping[str, Mapping[int, int]]
) -> None:
    """Write down what is about to be sent, and where the topics end now."""
    ends = {topic: json.dumps(parts) for topic, parts in since.items()}
    _note(spark, lake, [(*one.place, SENDING, ends[one.place.topic], None, None) for one in records])


def note_sent(spark: "SparkSession", lake: Folder, sent: Iterable[Sent]) -> None:
    """Write down what the broker has."""
    _note(spark, lake, [(*one.place, SENT, None, one.partition, one.offset) for one in sent])


def _note(spark: "SparkSession", lake: Folder, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        now = datetime.now(UTC)
        timed = [(*row[:4], now, *row[4:]) for row in rows]
        frame = spark.createDataFrame(timed, ddl(REPAIRS_TABLE.columns))
        with turn(lake / REPAIRS_TABLE.name):
            frame.coalesce(1).write.format("delta").mode("append").save(str(lake / REPAIRS_TABLE.name))


def _read(spark: "SparkSession", table: Folder) -> "DataFrame":
    return spark.read.format("delta").load(str(table))


def _object(value: bytes | None) -> dict[str, Any] | None:
    try:
        found = json.loads(value or b"")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _bytes(value: bytearray | None) -> bytes | None:
    return None if value is None else bytes(value)
