"""Which line of a log tells what went wrong."""

import pytest

from pipelines.local.commands import telling_line

LOST = "clearhold: no executor for 60 s: the cluster has forgotten this application, which ends"


@pytest.mark.parametrize(
    ("log", "line"),
    [
        (
            f"fit: about tree 81 of 100\n{LOST}\n\tat org.apache.spark.util.Utils$.logUncaughtExceptions(Utils.scala:1)",
            LOST,
        ),
        (
            "begun\njava.net.BindException: Address already in use\ngoing on",
            "java.net.BindException: Address already in use",
        ),
        ("begun\nall is well\n[notice] a newer pip, error-free", "all is well"),
        ("", "it said nothing"),
    ],
)
def test_the_last_that_speaks_of_something_wrong(log: str, line: str) -> None:
    assert telling_line(log) == line
