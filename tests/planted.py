"""Card numbers that are planted in a run, and the search for them in everything that the run has left."""

import gzip
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import requests

from pipelines.cards import luhn
from pipelines.flows.bench_desk import somebody

PAGES = (
    "/queue",
    "/queue?tab=closed",
    "/messages",
    "/quarantine",
    "/monitor",
    "/catalogue",
    "/audit",
    "/models",
    "/policy",
)
KAFKA = ("broker",)
"""Folders that hold what a producer has sent, byte for byte: there it is the producer who must not send it."""


def number(n: int) -> str:
    """A card number of sixteen digits that no test uses otherwise."""
    body = f"42{n:02d}98{7_654_321 + 13 * n:09d}"
    return next(body + str(digit) for digit in range(10) if luhn(body + str(digit)))


def hidden(n: int, card: str) -> dict[str, Any]:
    """Fields that hold it, another way each time."""
    spaced, dashed = " ".join(re.findall("....", card)), "-".join(re.findall("....", card))
    ways: tuple[dict[str, Any], ...] = (
        {"card_id": card},
        {"merchant_id": card},
        {"device_id": card},
        {"category": dashed},
        {"note": f"card {spaced}."},
        {"pan": int(card)},
        {"deep": {"er": [{"number": card}]}},
    )
    return ways[n % len(ways)]


def found_in(run: Path, cards: Iterable[str]) -> dict[Path, list[str]]:
    """Files of a run that hold one of the numbers, spaced and dashed ones included: file -> numbers."""
    wanted = {card: re.compile("[ -]?".join(card).encode()) for card in cards}
    found = {}
    for file in sorted(run.rglob("*")):
        if file.is_file() and file.relative_to(run).parts[0] not in KAFKA:
            content = _content(file)
            held = [card for card, pattern in wanted.items() if pattern.search(content)]
            if held:
                found[file] = held
    return found


def planted_pages(address: str, first_password: str) -> dict[str, str]:
    """Every page of a desk, as its first administrator sees it."""
    with somebody(address, first_password) as browser:
        paths = [*PAGES, *re.findall(r'href="(/cases/\d+)', browser.get(f"{address}/queue").text)[:5]]
        return {path: _page(browser, address + path) for path in paths}


def _page(browser: requests.Session, address: str) -> str:
    answer = browser.get(address)
    answer.raise_for_status()
    return answer.text


def _content(file: Path) -> bytes:
    """A file's bytes, unpacked where they are packed in a way that can be unpacked here."""
    raw = file.read_bytes()
    if file.suffix == ".parquet":
        return b"\n".join(map(_column, pq.read_table(file).columns))
    if raw.startswith(b"\x1f\x8b"):
        try:
            return gzip.decompress(raw)
        except (OSError, zlib.error, EOFError):
            return raw
    return raw


def _column(column: pa.ChunkedArray) -> bytes:
    values = column.to_pylist()
    return b"\n".join(
        value if isinstance(value, bytes) else str(value).encode() for value in values if value is not None
    )
