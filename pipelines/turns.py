"""Processes that commit to the same table take turns.

On a local disk Delta looks whether a version is taken and then renames its own into place: two steps, between which another
process may have committed. The one that renames last replaces that commit, and nobody is told.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn(table: Path) -> Iterator[None]:
    """Wait until nobody else commits to a table, and keep others waiting meanwhile.

    The lock lies beside the table's folder; it ends with its holder, and the file means nothing.
    """
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.with_name(f".{table.name}.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
