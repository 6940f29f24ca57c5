"""Free ports on 127.0.0.1."""

import contextlib
import random
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from pipelines.errors import EnvironmentProblem

_QUIET: Final = range(20_000, 32_768)
"""Below what systems hand out to connections: a program that starts again would find its port taken by somebody's connection."""
TRIES: Final = 20


def choose(preferred: Sequence[int]) -> list[int]:
    """As many ports as are preferred: each one itself where it is free (a resumed run keeps its ports), another one otherwise.

    0 prefers none.

    Raises:
        EnvironmentProblem: 127.0.0.1 gives no ports.
    """
    with ExitStack() as held:  # all are held until all are chosen, so that none is chosen twice
        return [held.enter_context(_bound(port)).getsockname()[1] for port in preferred]


def _bound(port: int) -> socket.socket:
    for wanted in [*[port] * (port > 0), *random.sample(_QUIET, TRIES)]:
        with contextlib.suppress(OSError):
            return socket.create_server(("127.0.0.1", wanted))
    try:
        return socket.create_server(("127.0.0.1", 0))
    except OSError as problem:
        raise EnvironmentProblem(f"127.0.0.1 gives no port ({problem.strerror}): run `make doctor`") from problem
