"""The past of the bank as files: what the first model learns from and what fills the stream's state."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.errors import UsageError
from pipelines.schemas import SIGNAL
from pipelines.simulate.bank import Bank, Position
from pipelines.simulate.ledger import arrow, chargebacks, write_days
from pipelines.simulate.payments import DAY_MS
from pipelines.simulate.verdicts import Delays
from pipelines.simulate.wire import iso

TRANSACTIONS_FILE: Final = "transactions.parquet"
SIGNALS_FILE: Final = "signals.parquet"
PENDING_FILE: Final = "pending.parquet"
TRUTH_FILE: Final = "truth.parquet"
BANK_FILE: Final = "bank.json"


class History(NamedTuple):
    """A history on disk: whose it is, how many days it has, and how its chargebacks are delayed."""

    bank: Bank
    days: int
    delays: Delays

    @property
    def end(self) -> Position:
        """The first payment after it."""
        return Position(self.days, 0)

    @property
    def end_ms(self) -> int:
        """The midnight at which it ends, epoch milliseconds."""
        return self.bank.start_ms + self.days * DAY_MS


def write_history(bank: Bank, days: int, folder: Path, delays: Delays | None = None) -> History:
    """Write the first `days` days of a bank into a folder.

    transactions.parquet: schemas.TRANSACTION in event-time order. signals.parquet: schemas.SIGNAL, the chargebacks that
    became known before the end, in that order. pending.parquet: those that become known later. truth.parquet:
    transaction_id, is_fraud, pattern, label_known_ms (null: genuine or never reported). bank.json: what `read_history`
    needs, written last, so that a folder with it is whole.
    """
    history = History(bank, days, delays or Delays())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / BANK_FILE).unlink(missing_ok=True)
    frauds = write_days(bank, days, history.delays, folder / TRANSACTIONS_FILE, folder / TRUTH_FILE)
    signals = chargebacks(bank, history.delays, frauds)
    end = iso(np.array([history.end_ms]))[0]
    _write_signals([signal for signal in signals if signal["event_time"] < end], folder / SIGNALS_FILE)
    _write_signals([signal for signal in signals if signal["event_time"] >= end], folder / PENDING_FILE)
    _describe(history, folder)
    return history


def read_history(folder: Path) -> History:
    """The history of a folder that `write_history` wrote: the same bank, ready to go on.

    Raises:
        UsageError: there is none, or it is not whole.
    """
    try:
        told = json.loads((folder / BANK_FILE).read_text())
        start = datetime.fromisoformat(told["start"])
        bank = Bank(told["seed"], told["cards"], told["payments_per_card_per_day"], start)
        return History(bank, told["days"], Delays(told["label_delay_days"], told["label_spread_days"]))
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise UsageError(f"no whole history in {folder} ({problem!r}): write one with write_history") from problem


def pending(folder: Path) -> list[dict[str, Any]]:
    """Chargebacks of the history that become known after its end, as records of schemas.SIGNAL."""
    rows = pq.read_table(folder / PENDING_FILE).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def _write_signals(signals: list[dict[str, Any]], file: Path) -> None:
    pq.write_table(pa.Table.from_pylist(signals, arrow(SIGNAL)), file)


def _describe(history: History, folder: Path) -> None:
    bank = history.bank
    told = {
        "seed": bank.seed,
        "cards": bank.cards,
        "payments_per_card_per_day": bank.payments_per_card_per_day,
        "start": bank.start.isoformat(),
        "days": history.days,
        "label_delay_days": history.delays.label_days,
        "label_spread_days": history.delays.spread_days,
    }
    (folder / BANK_FILE).write_text(json.dumps(told, indent=2) + "\n")
