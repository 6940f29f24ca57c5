"""What is believed about a payment: of all verdicts that were known by a time, the latest one of the most trusted source.

Sources contradict each other and themselves: a cardholder clicks "it was me" on a fraud, a chargeback is taken back. Nothing is
overwritten: verdicts stay where they landed, and what is believed is worked out anew for every time that somebody asks about.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from duckdb import DuckDBPyConnection

VERDICTS: Final = "verdicts"
"""View that everything here reads: transaction_id, transaction_ms, verdict (fraud, genuine), source, known_ms, signal_id."""
BELIEVED: Final = "believed"
"""View that `believe` makes."""


def of_file(database: DuckDBPyConnection, signals: Path) -> None:
    """Let VERDICTS be those of a Parquet file with the columns of `schemas.SIGNAL`."""
    database.execute(
        f"""create or replace view {VERDICTS} as
        select transaction_id, epoch_ms(cast(transaction_time as timestamptz)) as transaction_ms, verdict, source,
               epoch_ms(cast(event_time as timestamptz)) as known_ms, signal_id
        from read_parquet('{signals}') where kind = 'verdict'"""
    )


def of_events(database: DuckDBPyConnection, events: str) -> None:
    """Let VERDICTS be those of a view with the columns of `schemas.EVENT`."""
    database.execute(
        f"""create or replace view {VERDICTS} as
        select transaction_id, transaction_ms, verdict, source, event_ms as known_ms, event_id as signal_id
        from {events} where kind = 'verdict'"""
    )


def believe(database: DuckDBPyConnection, precedence: Sequence[str], known_at: int) -> None:
    """Make the view BELIEVED: one row a payment that a trusted source has spoken about.

    Its columns: transaction_id, transaction_ms, verdict, source and known_ms of the verdict that counts, first_fraud_ms (when it
    was first called a fraud by a trusted source, null for never), verdicts (how many were heard), sources (by how many), disputed
    (whether both verdicts were heard).

    Args:
        database: with VERDICTS.
        precedence: trusted sources, the most trusted one first; verdicts of others are not looked at.
        known_at: epoch milliseconds; later verdicts are not looked at.
    """
    trusted = ", ".join(f"'{source}'" for source in precedence)
    order = f"row(-list_position([{trusted}], source), known_ms, signal_id)"
    database.execute(
        f"""create or replace view {BELIEVED} as
        select transaction_id, max(transaction_ms) as transaction_ms,
               arg_max(verdict, {order}) as verdict, arg_max(source, {order}) as source, arg_max(known_ms, {order}) as known_ms,
               min(known_ms) filter (where verdict = 'fraud') as first_fraud_ms,
               count(*) as verdicts, count(distinct source) as sources, count(distinct verdict) > 1 as disputed
        from {VERDICTS} where source in ({trusted}) and known_ms <= {known_at} group by transaction_id"""
    )


def by_source(database: DuckDBPyConnection) -> list[dict[str, Any]]:
    """What counts, by the source that said it: source, frauds, genuine, overruled (its payments that a better source decided)."""
    rows = database.execute(
        f"""with heard as (select distinct transaction_id, source from {VERDICTS})
        select heard.source, count(*) filter (where b.source = heard.source and b.verdict = 'fraud') as frauds,
               count(*) filter (where b.source = heard.source and b.verdict = 'genuine') as genuine,
               count(*) filter (where b.source <> heard.source) as overruled
        from heard join {BELIEVED} as b using (transaction_id) group by heard.source order by heard.source"""
    )
    return rows.to_arrow_table().to_pylist()  # type: ignore[no-any-return]
