"""A recorded data set, read through a mapping: typed canonical payments in event-time order, and its labels as chargebacks."""

import hashlib
import re
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from pipelines import schemas
from pipelines.errors import ConfigurationError, UsageError
from pipelines.ingest.mapping import CANONICAL, Expression, Mapping, nearest

ISO: Final = "%Y-%m-%dT%H:%M:%S.%gZ"
TOLERATED: Final = 0.01
"""Share of a column's values that may not convert: those rows are bad rows, more of them are a bad mapping."""

_LABEL: Final = "label"
_EXPECTED: Final = {"bigint": "whole numbers", "double": "numbers", _LABEL: "0 or 1", "event_time": "times"}


class Source:
    """A Parquet or CSV file, or a folder of Parquet files, as payments.

    Values that do not convert become null: admission will say why such a row is refused.
    """

    def __init__(self, data: Path, mapping: Mapping, until: datetime | None = None) -> None:
        """Open it and check the mapping against it.

        Args:
            data: the file or folder.
            mapping: what its columns mean.
            until: payments and chargebacks from this time on are not read.

        Raises:
            UsageError: there is no such file, or it cannot be read.
            ConfigurationError: the mapping names a column that is not there, or one of the wrong type.
        """
        self._data, self._mapping = data, mapping
        self._within = f"event_time < '{until:%Y-%m-%dT%H:%M:%S.000Z}'" if until else "true"
        self._session = duckdb.connect(config={"memory_limit": "2GB", "temp_directory": tempfile.gettempdir()})
        self._session.execute("set global TimeZone = 'UTC'")
        self._open()
        self._define()

    def payments(self, batch: int = 10_000) -> Iterator[list[dict[str, Any]]]:
        """Batches of payments in event-time order: the fields that are there, and `label` (0 or 1) if it is mapped."""
        return self._rows("select * from payments order by event_time, transaction_id", batch)

    def chargebacks(self, delay_days: int, batch: int = 10_000) -> Iterator[list[dict[str, Any]]]:
        """Batches of fraud verdicts (`schemas.SIGNAL`), one for every fraud, `delay_days` after its payment."""
        return self._rows(f"{self._chargebacks(delay_days)} order by event_time, transaction_id", batch)

    def write(self, folder: Path, delay_days: int) -> None:
        """Write `transactions.parquet` (with `label`) and `signals.parquet` into a folder, typed, every column there."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, query in (("transactions", "select * from payments"), ("signals", self._chargebacks(delay_days))):
            self._session.sql(query).write_parquet(str(folder / f"{name}.parquet"), compression="zstd", overwrite=True)

    def digest(self) -> str:
        """SHA-256 of the data and of what the mapping makes of them: the version of this input."""
        found = hashlib.sha256(self._mapping.model_dump_json().encode())
        for file in self._files():
            with file.open("rb") as content:
                found.update(hashlib.file_digest(content, "sha256").digest())
        return found.hexdigest()

    def _files(self) -> list[Path]:
        return sorted(self._data.rglob("*.parquet")) if self._data.is_dir() else [self._data]

    def _open(self) -> None:
        files = [str(file) for file in self._files()]
        if not self._data.exists() or not files:
            raise UsageError(f"{self._data} does not exist or holds no Parquet file")
        reader = "read_csv" if re.search(r"\.(csv|tsv|txt)(\.gz|\.zst)?$", self._data.name) else "read_parquet"
        listed = ", ".join(_text(file) for file in files)
        try:
            self._session.execute(f"create view raw as select * from {reader}([{listed}])")
        except duckdb.Error as problem:
            raise UsageError(f"{self._data} cannot be read: {_first_line(problem)}") from problem
        if not self._session.execute("select exists(from raw)").fetchall()[0][0]:
            raise UsageError(f"{self._data} has no rows")
        self._columns = [str(name) for name, *_ in self._session.execute("describe raw").fetchall()]

    def _define(self) -> None:
        wanted: dict[str, str | Expression] = self._mapping.sources()
        if self._mapping.label is not None:
            wanted[_LABEL] = self._mapping.label
        given = {name: self._sql(name, source) for name, source in wanted.items()}
        typed = {name: _typed(name, sql) for name, sql in given.items()}
        for name in CANONICAL.keys() - given.keys():
            typed[name] = f"cast(null as {_engine(CANONICAL[name].type)})"
        ordered = [name for name in (*CANONICAL, _LABEL) if name in typed]
        columns = ", ".join(f"{typed[name]} as {name}" for name in ordered)
        self._session.execute(f"create view payments as select * from (select {columns} from raw) where {self._within}")
        self._check(given, typed)

    def _sql(self, name: str, source: str | Expression) -> str:
        if isinstance(source, str):
            known = {column.casefold() for column in self._columns}
            if source.casefold() not in known:
                raise ConfigurationError(f"{name}: {self._data} has no column {source}{nearest(source, self._columns)}")
            sql = '"' + source.replace('"', '""') + '"'
        else:
            sql = f"({source.sql})"
        found = self._type(name, sql)
        if name == "event_time" and not found.startswith(("TIMESTAMP", "DATE", "VARCHAR")):
            raise ConfigurationError(
                f"event_time: {sql} is {found}, not a time; try {{sql: to_timestamp(epoch_seconds)}}"
            )
        return sql

    def _type(self, name: str, sql: str) -> str:
        try:
            return str(self._session.execute(f"describe select {sql} as found from raw").fetchall()[0][1])
        except duckdb.Error as problem:
            missing = re.search(r'Referenced column "([^"]+)"', str(problem))
            hint = nearest(missing[1], self._columns) if missing else ""
            why = f"{_first_line(problem)}{hint}"
            raise ConfigurationError(f"{name}: {sql} cannot be computed from {self._data}: {why}") from problem

    def _check(self, given: dict[str, str], typed: dict[str, str]) -> None:
        bad = {name: f"{_given(name, sql)} and {typed[name]} is null" for name, sql in given.items()}
        counts = ", ".join(f"count_if({test}), any_value({given[name]}) filter ({test})" for name, test in bad.items())
        try:
            rows, *found = self._session.execute(f"select count(*), {counts} from raw").fetchall()[0]
        except duckdb.Error as problem:
            raise ConfigurationError(f"{self._data} cannot be mapped: {_first_line(problem)}") from problem
        for name, count, example in zip(bad, found[::2], found[1::2], strict=True):
            if count > (0 if name == _LABEL else TOLERATED * rows):
                kind = _EXPECTED.get(name) or _EXPECTED[CANONICAL[name].type]
                what = f"{count} of {rows} are not, such as {example!r}"
                raise ConfigurationError(f"{name}: {given[name]} must be {kind}; {what}")

    def _chargebacks(self, delay_days: int) -> str:
        if self._mapping.label is None:
            raise ConfigurationError("the mapping file names no label: without one there are no chargebacks")
        known = f"strftime(cast(event_time as timestamptz) + interval {int(delay_days)} day, '{ISO}')"
        made = {
            "signal_id": "concat('cb-', md5(transaction_id))",
            "kind": "'verdict'",
            "event_time": known,
            "source": "'chargeback'",
            "verdict": "'fraud'",
            "transaction_time": "event_time",
        }
        kept = {"transaction_id", "card_id", "merchant_id", "device_id", "amount_minor"}
        columns = [
            f"{made.get(name) or (name if name in kept else f'cast(null as {_engine(type_)})')} as {name}"
            for name, type_, *_ in schemas.SIGNAL
        ]
        return f"select * from (select {', '.join(columns)} from payments where label = 1) where {self._within}"

    def _rows(self, query: str, batch: int) -> Iterator[list[dict[str, Any]]]:
        reader = self._session.cursor().execute(query)
        names = [column[0] for column in reader.description or []]
        while rows := reader.fetchmany(batch):
            yield [{name: value for name, value in zip(names, row, strict=True) if value is not None} for row in rows]


def _given(name: str, sql: str) -> str:
    number = name != _LABEL and CANONICAL[name].type in ("bigint", "double")
    not_a_number = (
        f" and coalesce(isfinite(try_cast({sql} as double)), true)" if number else ""
    )  # how pandas writes null
    return f"{sql} is not null{not_a_number}"


def _typed(name: str, sql: str) -> str:
    number = f"try_cast({sql} as double)"
    if name == _LABEL:
        return f"case when {sql} is null then 0 when {number} in (0, 1) then cast({number} as integer) end"
    if name == "event_time":
        return f"strftime(try_cast({sql} as timestamptz), '{ISO}')"
    kinds = {
        "string": f"cast({sql} as varchar)",
        "bigint": f"case when {number} = floor({number}) then try_cast({sql} as bigint) end",
        "double": f"case when isfinite({number}) then {number} end",
    }
    return kinds[CANONICAL[name].type]


def _engine(type_: str) -> str:
    return {"string": "varchar"}.get(type_, type_)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _first_line(problem: Exception) -> str:
    return str(problem).splitlines()[0]
