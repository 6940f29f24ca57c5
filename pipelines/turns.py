"""Processes that commit to the same table take turns, and others that should not do the same thing at once.

On a local disk Delta looks whether a version is taken and then renames its own into place: two steps, between which another
process may have committed. The one that renames last replaces that commit, and nobody is told. In an object store it is the same
with the write that follows the look.
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipelines.folders import Folder, lock


@contextmanager
def turn(table: Folder, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Wait until nobody else commits to a table, and keep others waiting meanwhile.

    The lock lies beside the table's folder, or where the locks of its store are. It ends with its holder; the file means nothing.

    Args:
        table: what it is about.
        waiting: told when somebody else's turn has to end first.
    """
    held = lock(table.parent, f".{table.name}.lock")
    held.parent.mkdir(parents=True, exist_ok=True)
    with held.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
