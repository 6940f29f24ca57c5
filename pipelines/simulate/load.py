"""Load from a crowd, open loop, at a steady rate: what a benchmark sends."""

from collections.abc import Callable
from pathlib import Path

from pipelines.catalog import TRANSACTIONS
from pipelines.errors import UsageError
from pipelines.simulate import open_loop
from pipelines.simulate.crowd import Crowd
from pipelines.simulate.outbox import Outbox


def run(
    crowd: Crowd, first: int, count: int, rate: float, bootstrap: str, said: Path, stopped: Callable[[], bool]
) -> None:
    """Send payments `first` to `first + count` of a crowd.

    Args:
        crowd: who pays.
        first: number of the first payment; a payment is never sent twice by the same crowd.
        count: how many.
        rate: payments a second.
        bootstrap: the broker, host:port.
        said: status file, see `open_loop.run`.
        stopped: asked all the time; once true, nothing more is sent.

    Raises:
        UsageError: there is nobody to pay, or the rate is not above zero.
        Unavailable: the broker refuses this producer.
    """
    if crowd.cards < 1 or rate <= 0 or first < 0:
        raise UsageError(f"no such load: {crowd.cards} cards, {rate:g} payments a second from number {first} on")
    payments = ((TRANSACTIONS.name, payment) for payment in crowd.payments(first, count))
    open_loop.run(payments, rate, Outbox(bootstrap), said, stopped)
