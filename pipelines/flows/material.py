"""What a model is trained on: rows of features with outcomes as they were known, from files or from the lake of a run."""

import tempfile
from pathlib import Path
from typing import Final, NamedTuple

import duckdb
import numpy as np
from deltalake import DeltaTable
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from pipelines.catalog import APPLIED_TABLE, DECISIONS_TABLE, FEATURES_TABLE
from pipelines.check import attempts
from pipelines.config import Labels
from pipelines.errors import UsageError
from pipelines.features import book
from pipelines.flows.backfill import KEYS
from pipelines.folders import Folder
from pipelines.label import maturity, selection, verdicts
from pipelines.reference import Population
from pipelines.train.scores import Frauds
from pipelines.train.split import Split

PAID: Final = "paid"
"""View of payments with KEYS and features, each once."""
SAMPLE: Final = 200_000
"""Payments that describe a population well enough."""
DECIDED: Final = "decided"
COLUMNS: Final = (*KEYS, *(feature.name for feature in book.FEATURES))


class Known(NamedTuple):
    """What is known of a past: times in epoch milliseconds, how mature it is.

    Attributes:
        first: the first payment.
        end: behind the last payment; what became known later is not looked at.
        curve: share of frauds known n days after the payment; None with too few frauds.
        delay_days: age from which on outcomes are taken for known.
    """

    first: int
    end: int
    curve: list[float] | None
    delay_days: int


def of_files(features: Path, signals: Path) -> DuckDBPyConnection:
    """Features of a past (a folder that `backfill.write` left) and its signals; nothing of it was decided."""
    made = duckdb.connect(config={"memory_limit": "2GB", "temp_directory": tempfile.gettempdir()})
    made.execute(f"create view {PAID} as select * from read_parquet('{features}/*.parquet')")
    none = "null::varchar as transaction_id, null::varchar as action, null::boolean as explored, null::double as propensity"
    made.execute(f"create view {DECIDED} as select {none} limit 0")
    verdicts.of_file(made, signals)
    return made


def of_lake(lake: Folder) -> DuckDBPyConnection:
    """What the stream logged and decided in a run; a payment that was sent twice counts as it stood first."""
    made = attempts.opened(lake, DECISIONS_TABLE)
    made.execute(
        f"""create view {PAID} as select {", ".join(COLUMNS)} from logged where kind = 'transaction'
        qualify row_number() over (partition by transaction_id order by event_ms, origin, source_partition, source_offset) = 1"""
    )
    made.execute(
        f"create view {DECIDED} as select transaction_id, action, explored, propensity from {DECISIONS_TABLE.name}"
    )
    verdicts.of_events(made, "logged")
    return made


def version(lake: Folder) -> str:
    """Delta versions of the tables that a training on a lake reads."""
    tables = (FEATURES_TABLE, APPLIED_TABLE, DECISIONS_TABLE)
    return ",".join(f"{table.name}@{DeltaTable(str(lake / table.name)).version()}" for table in tables)


def known(made: DuckDBPyConnection, labels: Labels, delay_days: int | None) -> Known:
    """What is known of a past.

    Args:
        made: from `of_files` or `of_lake`.
        labels: whom to trust, and how much is enough.
        delay_days: age from which on outcomes are taken for known; None to find it out.

    Raises:
        UsageError: there is no payment.
    """
    first, last = made.execute(f"select min(event_ms), max(event_ms) from {PAID}").fetchone() or (None, None)
    if first is None:
        raise UsageError("there is no payment to learn from")
    verdicts.believe(made, labels.precedence, last)
    frauds = made.execute(
        f"""select transaction_ms, first_fraud_ms from {verdicts.BELIEVED}
        where verdict = 'fraud' and first_fraud_ms is not null and transaction_ms is not null"""
    ).fetchnumpy()
    attempted, noticed = (np.asarray(frauds[name], dtype=np.int64) for name in ("transaction_ms", "first_fraud_ms"))
    found = maturity.curve(attempted, noticed, last) if len(attempted) >= maturity.FEWEST else None
    if delay_days is None:
        delay_days = maturity.mature_days(found, labels.mature_share) if found else labels.delay_days
    return Known(first, last + 1, found, delay_days)


def write(
    made: DuckDBPyConnection, labels: Labels, split: Split, end: int, out: Path, truth: str | None = None
) -> None:
    """Write rows to learn from and to be judged on: KEYS, label, weight, features.

    Payments that are learned from have the labels that were known when the test began, those of the test what is known at the
    end. What was stopped and never looked at is in neither.

    Args:
        made: from `of_files` or `of_lake`.
        labels: whom to trust.
        split: rows outside its windows are not written.
        end: later verdicts are not looked at, epoch milliseconds.
        out: Parquet file.
        truth: Parquet file with transaction_id and label: what the payments of the test really were, if that is on record.
    """
    _outcomes(made, "early", labels, split.test_from)
    if truth:
        made.execute(
            f"""create or replace temp table late as
            select transaction_id, max(label)::double as label, 1::double as weight from read_parquet('{truth}') group by 1"""
        )
    else:
        _outcomes(made, "late", labels, end)
    features = ", ".join(feature.name for feature in book.FEATURES)
    parts = (
        f"select {', '.join(KEYS)}, label, weight, {features} from {PAID} join {table} using (transaction_id) "
        f"where event_ms >= {begin} and event_ms < {until}"
        for table, begin, until in (
            ("early", split.fit_from, split.train_until),
            ("late", split.test_from, split.test_until),
        )
    )
    made.execute(f"copy ({' union all '.join(parts)}) to '{out}' (format parquet, compression zstd)")


def population(made: DuckDBPyConnection, begin: int, until: int, most: int = SAMPLE) -> Population:
    """All payments of a time, whatever became of them; of more than `most` a sample, the same one each time."""
    features = [feature.name for feature in book.FEATURES]
    columns = ", ".join(f"{name}::double as {name}" for name in features)
    found = made.execute(
        f"""select event_ms, coalesce(card_id, transaction_id) as card, {columns} from {PAID}
        where event_ms >= {begin} and event_ms < {until} order by hash(transaction_id), transaction_id limit {most}"""
    ).fetchnumpy()
    values: dict[str, NDArray[np.float64]] = {
        name: np.ma.filled(np.ma.asarray(found[name], dtype=float), np.nan) for name in features
    }
    return Population(found["event_ms"].astype(np.int64), found["card"], values)


def frauds(made: DuckDBPyConnection, truth: Path, begin: int, until: int) -> Frauds:
    """Cards and times of what turned out to be fraud within a window, whether or not that was known in time."""
    found = made.execute(
        f"""select card_id, event_ms from {PAID} where event_ms >= {begin} and event_ms < {until}
        and transaction_id in (select transaction_id from read_parquet('{truth}') where label = 1)"""
    ).fetchnumpy()
    return Frauds(np.asarray(found["card_id"], dtype=str), np.asarray(found["event_ms"], dtype=np.int64))


def _outcomes(made: DuckDBPyConnection, table: str, labels: Labels, known_at: int) -> None:
    """Keep what was known by a time as a table."""
    verdicts.believe(made, labels.precedence, known_at)
    selection.observe(made, PAID, DECIDED)
    made.execute(f"create or replace temp table {table} as from {selection.OUTCOMES}")
