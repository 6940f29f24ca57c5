"""A batch session of the hot runtime (Spark 4.3): the expressions of the stream, without the stream."""

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from pipelines import session
from pipelines.config import Hot


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    found = session.hot(Hot(master="local[2]", driver_memory="1g"), name="tests-hot")
    yield found
    found.stop()
