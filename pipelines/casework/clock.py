"""Two clocks: the wall's, by which people work, and the payments' own, by which a verdict is dated.

Live they are the same. Recorded or simulated payments bring times of their own, and a verdict that came before its payment, or
years after it, would teach the model nonsense.
"""

import time
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pipelines.casework.tables import Place

APART_MS: Final = 24 * 3_600_000
"""So far apart they are two clocks."""


def wall_ms() -> int:
    """Now, epoch milliseconds."""
    return time.time_ns() // 1_000_000


def payments_ms(session: Session) -> int:
    """Now by the payments' clock: the wall's, or the time of the latest payment that was decided if that one is far off."""
    latest, now = session.scalar(select(func.max(Place.event_ms))) or 0, wall_ms()
    return now if not latest or abs(now - latest) < APART_MS else latest
