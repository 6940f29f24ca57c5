"""A little of everything that Spark does here, for Java to leave an archive of the classes it took (pipelines.local.archives)."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pyspark import SparkContext
from pyspark.ml import Pipeline
from pyspark.ml.classification import GBTClassifier
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import functions as F

from pipelines import session
from pipelines.config import Hot, Lake

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ROWS: Final = 200


def hot() -> None:
    """The archive of the decision path's runtime."""
    settings = Hot(master="local[2]", driver_memory="1g", state_partitions=2)
    spark = session.hot(settings, "clearhold-archive", options=_leaving())
    with tempfile.TemporaryDirectory() as place:
        _stream(spark, Path(place), "parquet", stateful=True)
    _end(spark)


def lake() -> None:
    """The archive of the lake's runtime."""
    spark = session.lake(Lake(master="local[2]", driver_memory="1g"), "clearhold-archive", options=_leaving())
    with tempfile.TemporaryDirectory() as place:
        _stream(spark, Path(place), "delta", stateful=False)
        table = str(Path(place) / "out")
        spark.sql(
            f"merge into delta.`{table}` as t using (select * from delta.`{table}` where key = 1) as s on t.id = s.id"
            " when matched then update set * when not matched then insert *"
        ).collect()
        inputs = VectorAssembler(inputCols=["id"], outputCol="features")
        fitted = Pipeline(stages=[inputs, GBTClassifier(maxIter=2, maxDepth=2)])
        fitted.fit(_rows(spark).withColumn("label", F.col("id") % 2)).transform(_rows(spark)).collect()
    _end(spark)


def _leaving() -> dict[str, str]:
    session.ARCHIVE.unlink(missing_ok=True)
    return {
        session.JAVA_OPTIONS: f'"-XX:ArchiveClassesAtExit={session.ARCHIVE}" -XX:TieredStopAtLevel=1 -Xlog:cds*=off'
    }


def _end(spark: "SparkSession") -> None:
    """Wait until Java has written the archive: it does when it ends, and it ends when nobody listens any more."""
    spark.stop()
    gateway = SparkContext._gateway
    assert gateway is not None
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()


def _rows(spark: "SparkSession") -> "DataFrame":
    return spark.range(ROWS).select("id", (F.col("id") % 7).alias("key"), F.current_timestamp().alias("at"))


def _stream(spark: "SparkSession", place: Path, kind: str, stateful: bool) -> None:
    """A query from files to files, with JSON on its way."""
    rows = _rows(spark)
    rows.write.parquet(str(place / "in"))
    read = spark.readStream.schema(rows.schema).parquet(str(place / "in"))
    json = F.from_json(F.to_json(F.struct(*rows.columns)), rows.schema).alias("row")
    said = read.select(json).select("row.*")
    (
        (said.dropDuplicates(["id"]) if stateful else said)
        .writeStream.format(kind)
        .option("checkpointLocation", str(place / "checkpoint"))
        .trigger(availableNow=True)
        .start(str(place / "out"))
        .awaitTermination()
    )
    spark.read.format(kind).load(str(place / "out")).groupBy("key").agg(F.max("at"), F.count("*")).collect()
