"""Where a token still stands: files read from end to end, Parquet decoded, without Spark and whatever a table's log says."""

import contextlib
import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.folders import Folder, entries

_WORD: Final = rb"[A-Za-z0-9_-]"


class Search(NamedTuple):
    """What was read, and which of it holds the token."""

    scanned: int
    found: tuple[Folder, ...]


def search(folder: Folder, token: str) -> Search:
    """Read every file below a folder."""
    files = [file for file in entries(folder, "**/*") if file.is_file()]
    return Search(len(files), tuple(file for file in files if holds(file, token)))


def holds(file: Folder, token: str) -> bool:
    """Whether a file holds a token, not as a part of a longer one.

    Parquet is decoded, all columns and what is in them, and its statistics: there it is a whole value, or a JSON string in text
    or bytes. Other files, and what is no Parquet in truth, are read as bytes: there it is a word, or a JSON string if it is
    made of digits alone, which may be any number.
    """
    escaped = re.escape(token.encode())
    quoted = re.compile(rb'"%b\\*"' % escaped)
    if file.suffix == ".parquet":
        with contextlib.suppress(pa.ArrowInvalid):
            return _in_parquet(file, token, quoted)
    word = re.compile(rb"(?<!%b)%b(?!%b)" % (_WORD, escaped, _WORD))
    return _in_bytes(file, quoted if token.isdigit() else word)


def _in_parquet(file: Folder, token: str, quoted: re.Pattern[bytes]) -> bool:
    with file.open("rb") as content:
        return _in_columns(pq.ParquetFile(content), token, quoted)


def _in_columns(opened: pq.ParquetFile, token: str, quoted: re.Pattern[bytes]) -> bool:
    if any(value in (token, token.encode()) for value in _statistics(opened)):
        return True
    for batch in opened.iter_batches():
        for leaf in (leaf for column in batch.columns for leaf in _leaves(column)):
            near = leaf.filter(pc.match_substring(leaf, token)) if len(leaf) else leaf
            values = (value if isinstance(value, bytes) else value.encode() for value in near.to_pylist() if value)
            if any(value == token.encode() or quoted.search(value) for value in values):
                return True
    return False


def _statistics(opened: pq.ParquetFile) -> Iterator[object]:
    """Smallest and largest values, as they stand in the footer."""
    described = opened.metadata
    for group in range(described.num_row_groups):
        for column in range(described.num_columns):
            known = described.row_group(group).column(column).statistics
            if known is not None and known.has_min_max:
                yield from (known.min, known.max)


def _leaves(column: pa.Array) -> Iterator[pa.Array]:
    """Texts and bytes of a column, however deep."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        yield from _leaves(column.dictionary)
    elif pa.types.is_map(kind):
        yield from _leaves(column.keys)
        yield from _leaves(column.items)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from _leaves(column.flatten())
    elif pa.types.is_struct(kind):
        for part in column.flatten():
            yield from _leaves(part)
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        yield column


def _in_bytes(file: Folder, wanted: re.Pattern[bytes]) -> bool:
    if not isinstance(file, Path):
        return wanted.search(file.read_bytes()) is not None
    if not file.stat().st_size:
        return False
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return wanted.search(content) is not None
