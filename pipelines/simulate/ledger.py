"""What a history's files hold: payments, the truth about them, and the chargebacks that came of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.schemas import TRANSACTION, Field
from pipelines.simulate.bank import Bank
from pipelines.simulate.verdicts import Delays, reported_ms, verdict

KEPT: Final = 64
OUTLIER: Final = 2.5
_TYPES: Final = {"string": pa.string(), "bigint": pa.int64(), "double": pa.float64()}
TRUTH: Final = pa.schema(
    {"transaction_id": pa.string(), "is_fraud": pa.bool_(), "pattern": pa.string(), "label_known_ms": pa.int64()}
)


def arrow(fields: Sequence[Field]) -> pa.Schema:
    """The Arrow schema of a record of flat fields."""
    return pa.schema([pa.field(field.name, _TYPES[field.type]) for field in fields])


def amount_ratio(past: Sequence[int], amount: int) -> float | None:
    """An amount against the card's usual one: the mean of its latest amounts without outliers; None without a past."""
    if not past:
        return None
    kept = np.array(past[-KEPT:], dtype=np.float64)
    return float(amount / kept[kept <= OUTLIER * kept.mean()].mean())


def write_days(bank: Bank, days: int, delays: Delays, transactions: Path, truth: Path) -> list[dict[str, Any]]:
    """Write payments and truth, day by day; the frauds come back as what a decision would have repeated of them."""
    frauds: list[dict[str, Any]] = []
    amounts: list[list[int]] = [[] for _ in range(bank.cards)]
    schema = arrow(TRANSACTION)
    with pq.ParquetWriter(transactions, schema) as payments_file, pq.ParquetWriter(truth, TRUTH) as truth_file:
        for day in range(days):
            listed = bank.columns(day)
            times = (bank.start_ms + bank.day(day).at_ms).tolist()
            payments_file.write_table(pa.table({**listed, "sent_at_ms": [None] * len(times)}, schema))
            truth_file.write_table(_truth(bank, delays, listed["transaction_id"], times))
            frauds += _frauds(bank, day, listed, times, amounts)
            bank.forget(day)
    return frauds


def chargebacks(bank: Bank, delays: Delays, frauds: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A signal for each fraud that is reported, in the order in which they become known."""
    reported = ((fraud, reported_ms(bank.seed, fraud["transaction_id"], delays)) for fraud in frauds)
    signals = [
        verdict(fraud, True, "chargeback", fraud["event_ms"] + after) for fraud, after in reported if after is not None
    ]
    return sorted(signals, key=lambda signal: (signal["event_time"], signal["signal_id"]))


def _frauds(
    bank: Bank, day: int, listed: dict[str, list[Any]], times: list[int], amounts: list[list[int]]
) -> list[dict[str, Any]]:
    """The frauds of a day, with their times and amount ratios; adds the day's payments to the cards' past amounts."""
    made, frauds = bank.day(day), []
    stolen = set(made.frauds.tolist())
    for number, (card, amount) in enumerate(zip(made.card.tolist(), made.amount.tolist(), strict=True)):
        if number in stolen:
            row = {name: values[number] for name, values in listed.items()}
            frauds.append({**row, "event_ms": times[number], "amount_ratio": amount_ratio(amounts[card], amount)})
        amounts[card].append(amount)
    return frauds


def _truth(bank: Bank, delays: Delays, ids: list[str], times: list[int]) -> pa.Table:
    patterns = [bank.pattern(one) for one in ids]
    known: list[int | None] = [None] * len(ids)
    for number in (number for number, pattern in enumerate(patterns) if pattern):
        after = reported_ms(bank.seed, ids[number], delays)
        known[number] = None if after is None else times[number] + after
    return pa.table([ids, [pattern is not None for pattern in patterns], patterns, known], schema=TRUTH)
