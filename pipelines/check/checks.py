"""What a quality check is, as data. Nothing here knows how one is carried out."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pipelines.catalog import Table
from pipelines.ingest.admission import EARLIEST_MS

BETWEEN: Final = "between"
"""Every value lies between `least` and `most`; either may be missing."""
ONE_OF: Final = "one of"
"""Every value is one of `values`."""
PRESENT: Final = "present"
"""No value is null."""
UNIQUE: Final = "unique"
"""No value stands twice."""
MEAN: Final = "mean"
"""The mean of all values lies between `least` and `most`."""
KINDS: Final = (BETWEEN, ONE_OF, PRESENT, UNIQUE, MEAN)

ENOUGH: Final = 500
"""Rows from which a share or a mean says something."""
NEARLY: Final = 0.99
"""Share of rows that must pass where single ones may be odd and still true."""


class Check(NamedTuple):
    """One expectation.

    Attributes:
        name: of the check, unique in its suite.
        sql: the value that is looked at, over the columns of the table; null is passed over. Never an id as it is.
        kind: one of KINDS.
        arguments: what the kind asks for.
        unit: of the value.
        why: what is wrong when it fails, or why nothing else would see it.
        mostly: share of rows that must pass.
        min_rows: with fewer rows it is not judged.
    """

    name: str
    sql: str
    kind: str
    arguments: Mapping[str, Any]
    unit: str
    why: str
    mostly: float = 1.0
    min_rows: int = 1


class Suite(NamedTuple):
    """The checks of a table. `beside`: tables whose rows are looked at along with its own; `landed_in` says which is whose."""

    table: Table
    critical: bool
    why: str
    checks: tuple[Check, ...]
    beside: tuple[Table, ...] = ()


def between(
    name: str, sql: str, least: float | None, most: float | None, unit: str, why: str, nearly: bool = False
) -> Check:
    """Every value in bounds, or nearly every one of enough rows."""
    mostly, min_rows = (NEARLY, ENOUGH) if nearly else (1.0, 1)
    return Check(name, sql, BETWEEN, _bounds(least, most), unit, why, mostly, min_rows)


def one_of(name: str, sql: str, values: tuple[str, ...] | list[str], why: str) -> Check:
    """Every value known."""
    return Check(name, sql, ONE_OF, {"values": list(values)}, "name", why)


def present(name: str, column: str, why: str) -> Check:
    """A text that is there and not blank; only its length is looked at."""
    return Check(name, f"nullif(length(trim({column})), 0)", PRESENT, {}, "characters", why)


def unique(name: str, text: str, why: str) -> Check:
    """No text twice; only 64 bits of its MD5 are looked at (DuckDB's own `hash` gives short texts the same number)."""
    return Check(name, f"md5_number_lower({text})", UNIQUE, {}, "hash", why)


def mean(name: str, sql: str, least: float | None, most: float | None, unit: str, why: str) -> Check:
    """A mean of enough rows in bounds; of a condition it is a share."""
    return Check(name, f"cast({sql} as double)", MEAN, _bounds(least, most), unit, why, min_rows=ENOUGH)


def _bounds(least: float | None, most: float | None) -> dict[str, float]:
    return {name: bound for name, bound in (("least", least), ("most", most)) if bound is not None}


PLACE: Final = "kafka_partition || '/' || kafka_offset"
"""SQL: where the record of a row stands in its topic."""
NOT_BEFORE_TIME: Final = between(
    "not_before_time",
    "event_ms",
    EARLIEST_MS,
    None,
    "epoch ms",
    "Before 2015 decayed sums are not finite; zero is a time that was never set",
)
