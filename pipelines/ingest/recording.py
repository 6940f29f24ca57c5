"""A recording: a data set whose payments are played again as if they happened now. Its first days can serve as history.

Event times stay as recorded. A fraud becomes known as a chargeback, `delay_days` after its payment.
"""

import heapq
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow.parquet as pq

from pipelines.catalog import SIGNALS, TRANSACTIONS
from pipelines.errors import ConfigurationError, UsageError
from pipelines.ingest.admission import EARLIEST_MS, MAX_AMOUNT_MINOR
from pipelines.ingest.mapping import read_mapping
from pipelines.ingest.sources import Source
from pipelines.schemas import TRANSACTION, names

HISTORY: Final = ("transactions.parquet", "signals.parquet")
Event = tuple[str, dict[str, Any]]
"""Topic and record."""

_BATCH: Final = 500
"""Rows read at a time while payments are being sent: nobody should notice."""
_LAST: Final = "~"
"""Sorts behind every time: what has none is played last, so that it is refused rather than lost."""
_WHOLE: Final = " and ".join(f"{field.name} is not null" for field in TRANSACTION if field.required)


class Known(NamedTuple):
    """What is known of a stretch: payments, and verdicts that arrived within it."""

    payments: int
    verdicts: int


class Recording(Source):
    """A data set read through a mapping file, ready to be played.

    Attributes:
        begin: midnight (UTC) of the day of the first payment.
        days: how many days it covers, the first and the last included.
        is_labelled: whether it says which payments were frauds.
    """

    def __init__(self, data: Path, mapping: Path, delay_days: int) -> None:
        """Open it.

        Raises:
            UsageError: a file is missing or cannot be read, the mapping does not fit the data, or it is too old.
        """
        try:
            read = read_mapping(mapping)
            super().__init__(data, read)
        except ConfigurationError as problem:  # both files are arguments here
            raise UsageError(str(problem)) from problem
        self._delay_days, self.is_labelled = delay_days, read.label is not None
        first, last = self._one("select min(event_time), max(event_time) from payments")
        self.begin = _midnight(first)
        self.days = (_midnight(last) - self.begin).days + 1
        if self.begin.timestamp() * 1000 < EARLIEST_MS:
            raise UsageError(
                f"{data} begins on {self.begin.date()}: payments before 2015 are refused; "
                "shift them in the mapping, such as {sql: at + interval 10 year}"
            )

    def known(self, until: datetime) -> Known:
        """What there is before a time."""
        before = f"event_time < '{_iso(until)}'"
        (payments,) = self._one(f"select count(*) from payments where {before}")
        (verdicts,) = self._one(f"select count(*) from ({self._verdicts()}) where {before}")
        return Known(payments, verdicts)

    def write_history(self, folder: Path, until: datetime, share: float = 1.0) -> Known:
        """Write what there is before a time as transactions.parquet and signals.parquet, in event-time order.

        Rows that lack what every payment needs are left out.

        Args:
            folder: where the files go.
            until: the time.
            share: of the cards, each with its whole past; which ones depends on nothing but their ids.

        Returns:
            What was written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        kept = f"event_time < '{_iso(until)}' and md5_number_lower(card_id) % 1000000 < {round(share * 1_000_000)}"
        admissible = f"{_WHOLE} and amount_minor between 1 and {MAX_AMOUNT_MINOR}"
        payments = f"select {', '.join(names(TRANSACTION))} from payments where {kept} and {admissible}"
        verdicts = f"select * from ({self._verdicts()}) where {kept}"
        files = [folder / name for name in HISTORY]
        for file, query in zip(files, (payments, verdicts), strict=True):
            ordered = self._session.sql(f"{query} order by event_time, transaction_id")
            ordered.write_parquet(str(file), compression="zstd", overwrite=True)
        return Known(*(pq.read_metadata(file).num_rows for file in files))

    def play(self, since: datetime | None = None, most: int | None = None) -> Iterator[Event]:
        """What there is from a time on, as (topic, record) in event-time order.

        Args:
            since: None for the beginning.
            most: payments; nothing comes after the last of them. None for all, with the chargebacks that follow.
        """
        later = f"where event_time is null or event_time >= '{_iso(since)}'" if since else ""
        order = "order by event_time, transaction_id"
        some = "" if most is None else f"limit {most}"
        payments = self._rows(f"select * from payments {later} {order} {some}", _BATCH)
        verdicts = self._rows(f"select * from ({self._verdicts()}) {later} {order}", _BATCH)
        played = ((TRANSACTIONS.name, _unlabelled(record)) for batch in payments for record in batch)
        told = ((SIGNALS.name, record) for batch in verdicts for record in batch)
        return _until(heapq.merge(played, told, key=lambda event: event[1].get("event_time", _LAST)), most)

    def _verdicts(self) -> str:
        """Query of the chargebacks; of nothing where nothing is labelled."""
        if self.is_labelled:
            return self._chargebacks(self._delay_days)
        return "select event_time, transaction_id, card_id from payments where false"

    def _one(self, query: str) -> Any:
        return self._session.execute(query).fetchall()[0]


def _until(events: Iterator[Event], most: int | None) -> Iterator[Event]:
    """Events up to so many payments."""
    numbers = count(1)
    for topic, record in events:
        yield topic, record
        if topic == TRANSACTIONS.name and next(numbers) == most:
            return


def _unlabelled(payment: dict[str, Any]) -> dict[str, Any]:
    payment.pop("label", None)
    return payment


def _midnight(time: str) -> datetime:
    return datetime.fromisoformat(time).replace(hour=0, minute=0, second=0, microsecond=0)


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
