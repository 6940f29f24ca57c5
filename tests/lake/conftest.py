"""A session of the lake runtime (Spark 4.2), small."""

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from pipelines import session
from pipelines.config import Lake


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    found = session.lake(Lake(master="local[2]", driver_memory="1g"), name="tests-lake")
    yield found
    found.stop()
