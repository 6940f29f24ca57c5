"""Schema drift: fields of raw records that came, went, changed their type or their spelling, each with the first offender."""

import json
from collections.abc import Iterable, Iterator, Mapping
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


class Offence(NamedTuple):
    """How often something odd was seen, and where first."""

    times: int
    first: Raw

    def again(self) -> "Offence":
        """Once more."""
        return self._replace(times=self.times + 1)


def drift(topic: str, fields: Iterable[Field], earlier: Mapping[str, float], latest: Iterable[Raw]) -> list[Finding]:
    """Hold records against what is declared and what is usual.

    Args:
        topic: of the records.
        fields: as declared.
        earlier: field -> share of earlier records that had it; empty where there were too few.
        latest: records in the order in which they came.
    """
    declared = {field.name: field for field in fields}
    spelled = {_plain(name): name for name in declared}
    seen: dict[str, int] = dict.fromkeys(declared, 0)
    last: dict[str, int] = dict.fromkeys(declared, -1)
    odd: dict[tuple[str, str], Offence] = {}
    known: list[Raw] = []
    for raw in latest:
        record = _parsed(raw.value)
        if record is None:
            continue
        known.append(raw)
        for name, value in record.items():
            if value is None:
                continue
            if name in declared:
                seen[name] += 1
                last[name] = len(known) - 1
            offence = _offence(name, value, declared, spelled)
            if offence:
                odd[offence] = odd[offence].again() if offence in odd else Offence(1, raw)
    if len(known) < FEWEST:
        return [early(SCHEMA, topic, "share", f"only {len(known)} records of {topic}, {FEWEST} are needed")]
    usual = {field.name: 1.0 if field.required else earlier.get(field.name, 0.0) for field in declared.values()}
    gone = {
        name: Offence(len(known) - seen[name], known[last[name] + 1])
        for name, share in usual.items()
        if share >= USUAL and _is_gone(len(known), last[name], share)
    }
    found = [*_told(topic, odd, len(known)), *(_removed(topic, name, one, len(known)) for name, one in gone.items())]
    quiet = f"{len(known):,} records of {topic} have the fields that are declared"
    return found or [Finding(SCHEMA, topic, "share", 0.0, LIMIT, judged(False), quiet)]


def shares(fields: Iterable[Field], records: Iterable[Raw]) -> dict[str, float]:
    """Field -> share of records that have it; empty with too few records."""
    parsed = [record for raw in records if (record := _parsed(raw.value)) is not None]
    if len(parsed) < FEWEST:
        return {}
    return {field.name: sum(record.get(field.name) is not None for record in parsed) / len(parsed) for field in fields}


def _is_gone(count: int, last: int, usual: float) -> bool:
    """Whether a field that is usually in a share of the records has been away for longer than by accident or chance."""
    away = count - last - 1
    return bool(away >= LIMIT * count and (1 - usual) ** away < CHANCE)


def _offence(
    name: str, value: Any, declared: Mapping[str, Field], spelled: Mapping[str, str]
) -> tuple[str, str] | None:
    field = declared.get(name)
    if field is None:
        return ("recased", f"{name} for {spelled[_plain(name)]}") if _plain(name) in spelled else ("added", name)
    fits = isinstance(value, _JSON[field.type]) and not isinstance(value, bool)
    return None if fits else ("retyped", f"{name} as {type(value).__name__}, declared {field.type}")


def _told(topic: str, odd: Mapping[tuple[str, str], Offence], count: int) -> Iterator[Finding]:
    for (what, which), offence in odd.items():
        share = offence.times / count
        words = f"{topic}: field {which} {what} in {share:.1%} of {count:,} records, first in {offence.first.place}"
        yield Finding(SCHEMA, f"{topic}.{which.split(' ')[0]}", what, share, LIMIT, judged(share >= LIMIT), words)


def _removed(topic: str, name: str, offence: Offence, count: int) -> Finding:
    words = f"{topic}: field {name} removed, first missed in {offence.first.place}"
    return Finding(SCHEMA, f"{topic}.{name}", "removed", offence.times / count, LIMIT, judged(True), words)


def _parsed(value: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(value)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()
