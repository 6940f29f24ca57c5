"""Features of the past as the stream logged them while it took a history in: nothing is computed twice."""

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F

from pipelines.catalog import APPLIED, HISTORY
from pipelines.config import Kafka
from pipelines.enrich.history import Filling
from pipelines.errors import Unavailable
from pipelines.features import book
from pipelines.flows.backfill import KEYS

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PATIENCE_SECONDS: Final = 300.0
"""How long a stream may take nothing in before it is given up: it may be starting."""
SLICES: Final = 8
"""Tasks that read the topic: it has one partition."""


def await_taken_in(kafka: Kafka, patience: float = PATIENCE_SECONDS) -> None:
    """Wait until the stream has taken in the whole history that was published to it.

    Raises:
        Unavailable: nothing has been taken in for too long.
    """
    with closing(Filling(kafka.bootstrap)) as filling:
        reached, since = -1.0, time.monotonic()
        while (share := filling.share()) < 1:
            if share > reached:
                reached, since = share, time.monotonic()
            if time.monotonic() - since > patience:
                raise Unavailable(
                    f"the stream has taken in {share:.0%} of a history and nothing more for {patience:.0f} s: "
                    "start it and publish a history, or train without --logged"
                )
            time.sleep(1)


def write(spark: "SparkSession", kafka: Kafka, out: Path, until: int) -> None:
    """Write what `backfill.write` does, from the topic `applied`: KEYS and one column a feature for every payment of a history.

    Args:
        spark: session of the lake.
        kafka: where the broker is.
        out: folder; what was there is replaced.
        until: payments from this time on are left out, epoch milliseconds.
    """
    records = (
        spark.read.format("kafka")
        .option("kafka.bootstrap.servers", kafka.bootstrap)
        .option("subscribe", APPLIED.name)
        .option("minPartitions", SLICES)
        .load()
    )
    applied = records.selectExpr("offset", f"from_json(string(value), '{book.RECORD}') as record")
    past = applied.where(
        f"record.origin = '{HISTORY.name}' and record.kind = 'transaction' and record.event_ms < {until}"
    )
    # a crash repeats records: the last attempt is the one that is in the state
    attempts = past.groupBy("record.source_partition", "record.source_offset")
    last = attempts.agg(F.expr("max_by(record, offset)").alias("record")).select("record.*")
    last.select(*KEYS, "features.*").write.mode("overwrite").parquet(str(out))
