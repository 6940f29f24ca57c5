"""The past of the simulated bank: made, written to files for the trainer, sent to Kafka for the stream's state."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from pipelines import status
from pipelines.config import Settings
from pipelines.simulate.bank import Bank
from pipelines.simulate.feed import publish
from pipelines.simulate.history import BANK_FILE, write_history

NAME: Final = "history"
PAYMENTS_PER_CARD_PER_DAY: Final = 2.0
DAYS: Final = 60
ENDS_DAYS_AGO: Final = 180
"""Live traffic goes on where history ends, on an accelerated calendar: this is how far it may run."""


class Wanted(NamedTuple):
    """Which bank: its seed and how many cards it has issued."""

    seed: int = 7
    cards: int = 600


def is_written(folder: Path) -> bool:
    """Whether the files are whole: the trainer can start, though Kafka may not have everything yet."""
    return (folder / BANK_FILE).exists()


def make(settings: Settings, wanted: Wanted, folder: Path) -> None:
    """Make the past of a bank.

    Raises:
        UsageError: there is no such bank.
        Unavailable: the broker did not take everything.
    """
    said = settings.paths.status / f"{NAME}.json"
    status.report(said, "starting", f"making {DAYS} days of payments of {wanted.cards:,} cards")
    bank = Bank(wanted.seed, wanted.cards, PAYMENTS_PER_CARD_PER_DAY, _begin())
    write_history(bank, DAYS, folder)
    sent = publish(folder, {"bootstrap.servers": settings.kafka.bootstrap})
    status.report(said, "stopped", "sent", payments=sent.payments, signals=sent.signals)


def _begin() -> datetime:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=ENDS_DAYS_AGO + DAYS)
