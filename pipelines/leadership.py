"""Who decides: one process a folder of checkpoints. Another may be started to wait and take over."""

import fcntl
from typing import TYPE_CHECKING, Any, Final

from pipelines.folders import Folder, lock

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


FILE: Final = "leader.lock"


class Leadership:
    """A lock that the Java machine holds, not Python: it is Java that writes, and may live a moment longer than who started it.

    The lock ends with its holder, however that ends, and with this object. The file stays and means nothing.
    """

    def __init__(self, checkpoints: Folder) -> None:
        """`checkpoints`: the folder that only one may write to."""
        self._file = lock(checkpoints, FILE)
        self._channel: Any = None
        self._lock: Any = None

    def is_taken(self) -> bool:
        """Whether another process leads. For whoever has no Java machine yet."""
        if not self._file.exists():
            return False
        with self._file.open("ab") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def take(self, spark: "SparkSession") -> bool:
        """Lead from now on, if nobody does. Whether this process leads."""
        if self._lock is None:
            self._lock = self._open(spark).tryLock()
        return self._lock is not None

    def _open(self, spark: "SparkSession") -> Any:
        # one channel for ever: closing any channel of the file would let go of the lock
        if self._channel is None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            java: Any = spark._jvm
            self._channel = java.java.io.RandomAccessFile(str(self._file.absolute()), "rw").getChannel()
        return self._channel
