"""A digest knows rows, not their order or files."""

from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake

from pipelines.catalog import SIGNALS_TABLE
from pipelines.monitor import digest

COLUMNS = [column.name for column in SIGNALS_TABLE.columns]


def lake(folder: Path, *files: list[int]) -> dict[str, digest.Digest]:
    for rows in files:
        made: list[dict[str, Any]] = [dict.fromkeys(COLUMNS, f"{n}") for n in rows]
        write_deltalake(folder / SIGNALS_TABLE.name, pa.Table.from_pylist(made), mode="append")
    return digest.tables(folder)


def test_the_same_rows_have_the_same_digest(tmp_path: Path) -> None:
    one = lake(tmp_path / "one", [1, 2, 3])
    assert lake(tmp_path / "two", [3], [2, 1]) == one
    assert one["signals"].rows == 3
    assert "same" in digest.words(one, one)


def test_another_row_has_another_digest(tmp_path: Path) -> None:
    one = lake(tmp_path / "one", [1, 2, 3])
    for name, rows in {"other": [1, 2, 4], "fewer": [1, 2], "twice": [1, 2, 3, 3]}.items():
        other = lake(tmp_path / name, rows)
        assert other["signals"].hash != one["signals"].hash, name
        assert "differs" in digest.words(one, other)


def test_a_lake_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert digest.tables(tmp_path) == {}
