"""Schema drift: fields of raw records that came, went, changed their type or their spelling, each with the first offender."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pipelines.monitor.findings import SCHEMA, Finding, early, judged
from pipelines.schemas import Field

LIMIT: Final = 0.01
"""Share of records from which on it is drift and not an accident."""
FEWEST: Final = 100
USUAL: Final = 0.05
"""An optional field that was in at least this share of earlier records is missed when it is in none."""
CHANCE: Final = 1e-9
_JSON: Final = {"string": (str,), "bigint": (int,), "int": (int,), "double": (int, float)}


class Raw(NamedTuple):
    """A record as it was sent: where it stands, and its bytes."""

    topic: str
    partition: int
    offset: int
    value: bytes

    @property
    def place(self) -> str:
        """For people."""
        return f"{self.topic} {self.partition}/{self.offset}"


class _Seen:
    """What was seen of a topic so far."""

    def __init__(self, declared: Mapping[str, Field]) -> None:
        self.declared, self.spelled = declared, {_plain(name): name for name in declared}
        self.before = self.latest = 0
        self.had: Counter[str] = Counter()
        """Field -> earlier records that had it."""
        self.away: Counter[str] = Counter()
        """Field -> records since it was last there."""
        self.missed: dict[str, Raw] = {}
        """Field that is away -> the first record without it."""
        self.odd: Counter[tuple[str, str]] = Counter()
        """What is odd about which field -> the latest records in which it is."""
        self.first: dict[tuple[str, str], Raw] = {}

    def take(self, raw: Raw, record: Mapping[str, Any], is_latest: bool) -> None:
        """Take a record in."""
        self.latest += is_latest
        self.before += not is_latest
        for name in self.declared:
            if record.get(name) is None:
                self.away[name] += 1
                self.missed.setdefault(name, raw)
            else:
                self.had[name] += not is_latest
                self.away[name] = 0
                self.missed.pop(name, None)
        for name, value in record.items():
            if value is not None and (offence := _offence(name, value, self.declared, self.spelled)):
                self.first.setdefault(offence, raw)
                self.odd[offence] += is_latest

    def usual(self, field: Field) -> float:
        """Share of earlier records that had a field; 0 with too few of them."""
        if field.required:
            return 1.0
        return self.had[field.name] / self.before if self.before >= FEWEST else 0.0


def drift(topic: str, fields: Iterable[Field], records: Sequence[Raw], latest: int) -> list[Finding]:
    """Hold the latest records against what is declared and what is usual.

    Args:
        topic: of the records.
        fields: as declared.
        records: in the order in which they came; earlier ones say what is usual, and which record was the first offender.
        latest: how many of them are judged.
    """
    seen = _Seen({field.name: field for field in fields})
    for number, raw in enumerate(records):
        if (record := _parsed(raw.value)) is not None:
            seen.take(raw, record, number >= len(records) - latest)
    if seen.latest < FEWEST:
        return [early(SCHEMA, topic, "share", f"only {seen.latest} records of {topic}, {FEWEST} are needed")]
    found = [*_told(topic, seen), *_removed(topic, seen)]
    quiet = f"{seen.latest:,} records of {topic} have the fields that are declared"
    return found or [Finding(SCHEMA, topic, "share", 0.0, LIMIT, judged(False), quiet)]


def _told(topic: str, seen: _Seen) -> Iterator[Finding]:
    for (what, which), times in seen.odd.items():
        share, first = times / seen.latest, seen.first[what, which]
        words = f"{topic}: field {which} {what} in {share:.1%} of {seen.latest:,} records, first in {first.place}"
        yield Finding(SCHEMA, f"{topic}.{which.split(' ')[0]}", what, share, LIMIT, judged(share >= LIMIT), words)


def _removed(topic: str, seen: _Seen) -> Iterator[Finding]:
    """Fields that are usual and have been away for longer than by accident or chance."""
    for field in seen.declared.values():
        usual, away = seen.usual(field), seen.away[field.name]
        if usual >= USUAL and away >= LIMIT * seen.latest and (1 - usual) ** away < CHANCE:
            words = f"{topic}: field {field.name} removed, first missed in {seen.missed[field.name].place}"
            share = min(away / seen.latest, 1.0)
            yield Finding(SCHEMA, f"{topic}.{field.name}", "removed", share, LIMIT, judged(True), words)


def _offence(
    name: str, value: Any, declared: Mapping[str, Field], spelled: Mapping[str, str]
) -> tuple[str, str] | None:
    field = declared.get(name)
    if field is None:
        return ("recased", f"{name} for {spelled[_plain(name)]}") if _plain(name) in spelled else ("added", name)
    fits = isinstance(value, _JSON[field.type]) and not isinstance(value, bool)
    return None if fits else ("retyped", f"{name} as {type(value).__name__}, declared {field.type}")


def _parsed(value: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(value)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()
