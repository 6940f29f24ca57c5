"""What the live bank is asked to do."""

from dataclasses import dataclass

from pipelines.errors import UsageError
from pipelines.simulate.inject import require


@dataclass(frozen=True)
class Plan:
    """What to send: payments a second, how many or for how long (None: without end), and what goes wrong on the way.

    `inject`: kinds of pipelines.simulate.inject.
    """

    rate: float
    count: int | None = None
    seconds: float | None = None
    bad_share: float = 0.001
    repeat_share: float = 0.001
    analyst: bool = True
    inject: tuple[str, ...] = ()

    @property
    def payments(self) -> int | None:
        """How many payments in all; None: without end."""
        within = None if self.seconds is None else round(self.seconds * self.rate)
        return min((limit for limit in (self.count, within) if limit is not None), default=None)

    def __post_init__(self) -> None:
        if self.rate <= 0 or not (0 <= self.bad_share < 1 and 0 <= self.repeat_share < 1):
            raise UsageError("the rate must be above 0 payments a second, and shares at least 0 and below 1")
        require(self.inject)
