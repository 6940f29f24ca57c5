"""Free ports on 127.0.0.1."""

import socket
from collections.abc import Sequence
from contextlib import ExitStack

from pipelines.errors import EnvironmentProblem


def choose(preferred: Sequence[int]) -> list[int]:
    """As many ports as are preferred: each one itself where it is free (a resumed run keeps its ports), another one otherwise.

    0 prefers none.

    Raises:
        EnvironmentProblem: 127.0.0.1 gives no ports.
    """
    with ExitStack() as held:  # all are held until all are chosen, so that none is chosen twice
        return [held.enter_context(_bound(port)).getsockname()[1] for port in preferred]


def _bound(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as problem:
        if not port:
            raise EnvironmentProblem(f"127.0.0.1 gives no port ({problem.strerror}): run `make doctor`") from problem
        return _bound(0)
