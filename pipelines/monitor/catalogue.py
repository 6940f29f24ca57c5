"""What there is: tables and topics, found by a word in names and comments, with who writes them from what."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from deltalake import DeltaTable

from pipelines.catalog import TABLES, TOPICS, Table, Topic
from pipelines.folders import Folder
from pipelines.monitor import text
from pipelines.schemas import Field

UPKEEP: Final = frozenset({"OPTIMIZE", "VACUUM START", "VACUUM END"})
"""Commits that rewrite or remove files and write nothing."""
RECENT: Final = 10


class Entry(NamedTuple):
    """A table, those of its columns that were found, its rows (None: nothing was ever written) and its last write."""

    table: Table
    columns: tuple[Field, ...]
    rows: int | None
    last_write: datetime | None


class Found(NamedTuple):
    """What a word found."""

    tables: tuple[Entry, ...]
    topics: tuple[Topic, ...]

    def facts(self) -> dict[str, Any]:
        """For programs."""
        tables = [
            {
                **{
                    name: getattr(entry.table, name)
                    for name in ("name", "doc", "owner", "writer", "source", "cluster", "keep_days")
                },
                "rows": entry.rows,
                "last_write": entry.last_write and entry.last_write.isoformat(),
                "columns": [column._asdict() for column in entry.columns],
            }
            for entry in self.tables
        ]
        return {"tables": tables, "topics": [topic._asdict() for topic in self.topics]}


def search(lake: Folder, rows: Mapping[str, int], word: str) -> Found:
    """Tables and topics with a word in their name or comment, or in those of a column; case does not matter.

    Args:
        lake: folder of the tables.
        rows: of each table that is there.
        word: what is looked for; empty finds every table and topic, without columns.
    """
    entries = []
    for table in TABLES:
        columns = tuple(column for column in table.columns if word and _has(word, column.name, column.doc))
        if columns or _has(word, table.name, table.doc):
            entries.append(Entry(table, columns or (table.columns if word else ()), *_state(lake, rows, table)))
    return Found(tuple(entries), tuple(topic for topic in TOPICS if _has(word, topic.name, topic.doc)))


def words(found: Found) -> str:
    """What was found, for people."""
    parts = [_words(entry) for entry in found.tables]
    if found.topics:
        topics = [(topic.name, f"written by {topic.writer}", topic.doc) for topic in found.topics]
        parts.append(f"topics\n{text.table(topics, left=True)}")
    return "\n\n".join(parts) or "nothing was found"


def _words(entry: Entry) -> str:
    table = entry.table
    written = "never written" if entry.last_write is None else f"last write {entry.last_write:%Y-%m-%d %H:%M:%S} UTC"
    rows = "no rows" if not entry.rows else f"{entry.rows:,} rows"
    clustered = f"clustered by {', '.join(table.cluster)}" if table.cluster else "not clustered"
    lines = [
        f"table {table.name}: {table.doc}",
        f"  {rows}, {written}; written by {table.writer} from {table.source}; owner: {table.owner}; {clustered}; "
        f"its past can be read for {table.keep_days} days",
    ]
    if entry.columns:
        cells = [(one.name, one.type, "always" if one.required else "maybe", one.doc) for one in entry.columns]
        lines.append(text.table(cells, left=True))
    return "\n".join(lines)


def _state(lake: Folder, rows: Mapping[str, int], table: Table) -> tuple[int | None, datetime | None]:
    if table.name not in rows:
        return None, None
    commits = DeltaTable(str(lake / table.name)).history(RECENT)
    last = next((commit for commit in commits if commit["operation"] not in UPKEEP), commits[-1])
    return rows[table.name], datetime.fromtimestamp(last["timestamp"] / 1000, UTC)


def _has(word: str, *texts: str) -> bool:
    return any(word.casefold() in text.casefold() for text in texts)
