"""The door to Spark: one session for the decision path, one for lake jobs. Only jobs, flows and tests open it."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pyspark import SparkConf, SparkContext
from pyspark.sql import SparkSession

from pipelines import executors
from pipelines.config import Hot, Lake
from pipelines.errors import EnvironmentProblem

JARS: Final = Path(__file__).resolve().parents[1] / ".jars"
"""Where set-up puts the jars that no wheel carries, one folder a purpose."""
ARCHIVE: Final = Path(sys.prefix) / "classes.jsa"
"""Where set-up leaves the classes that Spark loads at every start (pipelines.local.archives)."""
JAVA_OPTIONS: Final = "spark.driver.extraJavaOptions"

_COMMON: Final = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "false",  # an expression that throws would stop the stream at every restart
    # HotSpot leaves methods of more than 8,000 bytes uncompiled, and whole-stage code of features or of a model is far larger
    "spark.sql.codegen.hugeMethodLimit": "8000",
}
_ALONE: Final = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
"""On one machine nobody else talks to the driver."""
_HOT: Final = {
    "spark.sql.streaming.stateStore.providerClass": "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider",
    "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
    "spark.sql.streaming.stateStore.rocksdb.trackTotalNumberOfRows": "false",  # or every write reads first
    "spark.sql.streaming.stateStore.rocksdb.blockCacheSizeMB": "96",
    "spark.sql.streaming.stateStore.rocksdb.writeBufferSizeMB": "128",  # what is overwritten in there is never compacted
    "spark.sql.streaming.statefulOperator.checkCorrectness.enabled": "false",  # guards watermarks; chained states here have none
    "spark.shuffle.streaming.networkBufferMaxWaitTimeMs": "2",  # the default of 50 costs 30 ms a hop
}
_LAKE: Final = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.snapshotPartitions": "2",
    # its default is worked out anew for every element that a higher-order function touches: 15% of the feature compiler's time
    "spark.sql.types.framework.enabled": "false",
    "spark.sql.shuffle.partitions": "4",
}
_CREDENTIALS: Final = "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"


def hot(
    settings: Hot,
    name: str = "clearhold-hot",
    store: str = "",
    jars: Path = JARS,
    options: Mapping[str, str] | None = None,
) -> SparkSession:
    """A session for real-time mode (pyspark 4.3).

    Args:
        settings: master (slots for every stage of every query at once), memory, partitions of keyed stages.
        name: what the application is called.
        store: URL in the object store that it works with, if it does with one.
        jars: folder with the subfolders `spark` (Kafka connector) and, for a store, `store`.
        options: further Spark settings, over the ones made here.

    Raises:
        EnvironmentProblem: the jars or Java are not there.
    """
    keyed = {"spark.sql.shuffle.partitions": str(settings.state_partitions)}
    made = {
        "spark.master": settings.master,
        "spark.driver.memory": settings.driver_memory,
        **_java(settings.java_options),
        **_HOT,
        **keyed,
        **(options or {}),
    }
    return _open(name, made, store, jars, "spark")


def lake(
    settings: Lake,
    name: str = "clearhold-lake",
    store: str = "",
    jars: Path = JARS,
    options: Mapping[str, str] | None = None,
) -> SparkSession:
    """A session for micro-batch and batch with Delta (pyspark 4.2).

    Args:
        settings: master and memory.
        name: what the application is called.
        store: URL in the object store that it works with, if it does with one.
        jars: folder with the subfolders `spark` (Kafka connector), `delta` and, for a store, `store`.
        options: further Spark settings, over the ones made here.

    Raises:
        EnvironmentProblem: the jars or Java are not there.
    """
    made = {
        "spark.master": settings.master,
        "spark.driver.memory": settings.driver_memory,
        **_java(),
        **_LAKE,
        **(options or {}),
    }
    return _open(name, made, store, jars, "spark", "delta")


def _open(name: str, made: Mapping[str, str], store: str, jars: Path, *purposes: str) -> SparkSession:
    if store:
        purposes, made = (*purposes, "store"), {**_of_store(os.environ), **made}
    options = {"spark.app.name": name, **_COMMON, **made, **_submitted()}
    if options["spark.master"].startswith("local"):
        options = {**_ALONE, **options}
    if "spark.jars" not in options:
        options["spark.jars"] = ",".join(str(jar) for purpose in purposes for jar in _jars(jars / purpose))
    builder = SparkSession.Builder()
    for key, value in options.items():
        builder = builder.config(key, value)
    try:
        spark = builder.getOrCreate()
    except (FileNotFoundError, RuntimeError) as problem:
        raise EnvironmentProblem(f"Spark does not start: {problem}; run `make doctor`") from problem
    spark.sparkContext.setLogLevel("ERROR")
    if not options["spark.master"].startswith("local"):
        executors.watch(spark)
    return spark


def _java(*options: str) -> dict[str, str]:
    """Java's options, and the archive of classes where there is one: it takes what fits, and says nothing of what does not."""
    archive = [f'"-XX:SharedArchiveFile={ARCHIVE}" -Xlog:cds*=off'] if ARCHIVE.exists() else []
    said = " ".join(filter(None, [*options, *archive]))
    return {JAVA_OPTIONS: said} if said else {}


def _of_store(environ: Mapping[str, str]) -> dict[str, str]:
    """Who may enter the store is looked up where AWS's own programs look; where it is, if not at AWS, is a variable of theirs."""
    made = {"spark.hadoop.fs.s3a.aws.credentials.provider": _CREDENTIALS}
    if endpoint := environ.get("AWS_ENDPOINT_URL"):
        made |= {"spark.hadoop.fs.s3a.endpoint": endpoint, "spark.hadoop.fs.s3a.path.style.access": "true"}
    return made


def _submitted() -> dict[str, str]:
    """What spark-submit was told, by its command line and its properties file; empty where it did not start this program."""
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return {}
    SparkContext._ensure_initialized()
    told = dict(SparkConf().getAll())
    if told.get("spark.app.name") == Path(sys.argv[0]).name:
        del told["spark.app.name"]  # nobody chose that one: it is the file's
    return told


def _jars(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.jar"))
    if not found:
        raise EnvironmentProblem(f"no jars in {folder}; run `make setup{' STORE=1' * (folder.name == 'store')}`")
    return found
