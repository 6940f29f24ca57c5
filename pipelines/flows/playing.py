"""The player: a recording onto Kafka at a steady rate, payments and chargebacks in the order of their event times."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pipelines import status
from pipelines.config import Settings
from pipelines.errors import UsageError
from pipelines.ingest.recording import Recording
from pipelines.simulate import open_loop
from pipelines.simulate.outbox import Outbox

NAME = "player"


class Playing(NamedTuple):
    """What to play: a data set, its mapping file, payments a second, from which event time on, how many (None: all)."""

    data: Path
    mapping: Path
    rate: float
    label_delay_days: int = 7
    since: datetime | None = None
    payments: int | None = None


def run(settings: Settings, playing: Playing, stopped: Callable[[], bool]) -> None:
    """Play until the end, or until `stopped` says so.

    Raises:
        UsageError: data and mapping cannot be read as payments.
        Unavailable: the broker refuses this producer.
    """
    said = settings.paths.status / f"{NAME}.json"
    status.report(said, "starting", f"reading {playing.data}")
    try:
        check(playing)
        recording = Recording(playing.data, playing.mapping, playing.label_delay_days)
        events = recording.play(playing.since, playing.payments)
        open_loop.run(events, playing.rate, Outbox(settings.kafka.bootstrap), said, stopped)
    except Exception as problem:
        status.report(said, "failed", str(problem).partition("\n")[0])
        raise


def check(playing: Playing) -> None:
    """Refuse what cannot be played.

    Raises:
        UsageError: a number is out of bounds.
    """
    if playing.rate <= 0 or (playing.payments is not None and playing.payments < 1):
        raise UsageError("the rate and the time to play must be above 0")
