"""Landing: what the topics hold becomes rows of Delta tables, each record once, whatever is killed when."""

import json
import logging
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from pyspark.sql import functions as F

from pipelines.catalog import (
    DECISIONS,
    DECISIONS_TABLE,
    DUPLICATES_TABLE,
    LANDED,
    LANDED_BEHIND,
    QUARANTINE,
    QUARANTINE_TABLE,
    RECORDS_TABLE,
    Table,
    Topic,
)
from pipelines.config import Kafka, Lake
from pipelines.folders import Folder, text
from pipelines.ingest import gaps
from pipelines.ingest.topics import Ends, end_offsets, first_offsets
from pipelines.land import resume, tables
from pipelines.land.firsts import SCHEMA, Firsts
from pipelines.schemas import names
from pipelines.turns import turn

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

log = logging.getLogger("clearhold.landing")


class Course(NamedTuple):
    """Topics that land together."""

    name: str
    topics: tuple[Topic, ...]


AT_ONCE: Final = Course("landing", LANDED)
BEHIND: Final = Course("landing-behind", LANDED_BEHIND)
A_TASK: Final = 20_000
"""Records that one task reads, so that a topic of one partition keeps every core busy."""


class Landing:
    """A landing query. Its tables must have been declared; only one may work at a checkpoint."""

    def __init__(
        self, spark: "SparkSession", kafka: Kafka, settings: Lake, lake: Folder, checkpoints: Folder, course: Course
    ) -> None:
        """Read what has landed.

        Raises:
            Unaccounted: Kafka has thrown away records that have not landed, and nobody has allowed that.
        """
        self._spark, self._kafka, self._settings, self._course = spark, kafka, settings, course
        self._lake, self._checkpoint = lake, checkpoints / course.name
        ends = resume.landed(lake, course.topics)
        reached = self._across_gaps(ends)
        self._begin = "earliest" if resume.has_checkpoint(self._checkpoint) else self._resumed(ends, reached)

    @cached_property
    def _firsts(self) -> Firsts:
        return Firsts(self._spark, self._lake / DECISIONS_TABLE.name)

    def start(self) -> "StreamingQuery":
        """Start the query: a batch every `settings.trigger_seconds`. It goes on where its checkpoint ended."""
        most = self._settings.batch_records if self._course is AT_ONCE else self._settings.behind_records
        records = (
            self._spark.readStream.format("kafka")
            .option("kafka.bootstrap.servers", self._kafka.bootstrap)
            .option("subscribe", ",".join(topic.name for topic in self._course.topics))
            .option("startingOffsets", self._begin)
            .option("maxOffsetsPerTrigger", most)
            .option("maxRecordsPerPartition", A_TASK)
            .load()
        )
        return (
            records.writeStream.queryName(self._course.name)
            .foreachBatch(self.land)
            .option("checkpointLocation", str(self._checkpoint))
            .trigger(processingTime=f"{self._settings.trigger_seconds} seconds")
            .start()
        )

    def land(self, batch: "DataFrame", number: int) -> None:
        """Append one batch of Kafka records to the tables.

        A batch that is run again after a crash changes nothing: Delta skips a number that it has seen from this checkpoint. The
        `quarantine` topic may then get a row twice; its place names it.
        """
        writer = json.loads(text(self._checkpoint / "metadata"))["id"]
        looked = tables.looked_at(batch).persist()
        try:
            counted = (
                looked.groupBy("topic").agg(F.count("*").alias("all"), F.count("reason").alias("refused")).collect()
            )
            good = {row.topic for row in counted if row["all"] > row.refused}
            if any(row.refused for row in counted):
                self._refuse(tables.quarantine(looked), writer, number)
            for topic, table, rows in tables.TYPED:
                if topic.name in good:
                    self._append(table, rows(looked), writer, number)
            if DECISIONS.name in good:
                self._decide(tables.decided(looked), writer, number)
            if counted and self._course is AT_ONCE:
                self._append(RECORDS_TABLE, tables.records(looked), writer, number)
        finally:
            looked.unpersist()

    def _across_gaps(self, ends: Ends) -> Ends:
        """How far topics have landed, gaps included that somebody has allowed. Passing over a new one takes a new checkpoint."""
        lake, bootstrap = self._lake, self._kafka.bootstrap
        reached = gaps.across(ends, gaps.named(lake, gaps.PASSED).values())
        begins = {topic.name: first_offsets(bootstrap, topic.name) for topic in self._course.topics}
        lost = gaps.between(reached, begins)
        if not lost:
            return reached
        if reached:
            gaps.require_allowed(lake, lost)
        resume.clear(self._checkpoint)
        gaps.note(lake, lost, gaps.PASSED, None if reached else gaps.BEGINNING)
        log.warning("passed over: %s", "; ".join(map(str, lost)))
        return gaps.across(reached, lost)

    def _resumed(self, ends: Ends, reached: Ends) -> str:
        """Where to begin without a checkpoint: behind what has landed, if anything has."""
        topics = self._course.topics
        resume.trim(self._spark, self._lake, topics, ends)
        if not reached:
            return "earliest"
        partitions = {topic.name: sorted(end_offsets(self._kafka.bootstrap, topic.name)) for topic in topics}
        log.warning("no checkpoint at %s: landing goes on behind what has landed, %s", self._checkpoint, reached)
        return resume.starting_offsets(reached, partitions)

    def _decide(self, decided: "DataFrame", writer: str, number: int) -> None:
        """First decisions to `decisions`, the others to `duplicates`."""
        repeats = self._firsts.repeats(decided)
        if repeats:
            place = ["kafka_partition", "kafka_offset"]
            known = F.broadcast(self._spark.createDataFrame(repeats, SCHEMA))
            self._append(
                DUPLICATES_TABLE, decided.join(known, place).select(*names(DUPLICATES_TABLE.columns)), writer, number
            )
            decided = decided.join(known, place, "left_anti")
        self._append(DECISIONS_TABLE, decided, writer, number)

    def _refuse(self, refused: "DataFrame", writer: str, number: int) -> None:
        kept = refused.localCheckpoint()
        value = F.to_json(
            F.struct("topic", "kafka_partition", "kafka_offset", "appended_at", "reason", "bytes", "sha256")
        )
        kept.select(value.alias("value")).write.format("kafka").option(
            "kafka.bootstrap.servers", self._kafka.bootstrap
        ).option("topic", QUARANTINE.name).save()
        self._append(QUARANTINE_TABLE, kept, writer, number)

    def _append(self, table: Table, rows: "DataFrame", writer: str, number: int) -> None:
        once = {"txnAppId": writer, "txnVersion": str(number)}
        folder = self._lake / table.name
        with turn(folder):
            rows.coalesce(1).write.format("delta").mode("append").options(**once).save(str(folder))
