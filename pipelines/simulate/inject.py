"""What a watch must notice, put into the stream of a simulated bank on purpose. Without a kind nothing is changed.

Each kind is something that happens to card payment systems: a price level that moves, an attack, a sender's release that renames
or retypes a field, a field that is no longer filled in, traffic that stays away or comes twice, verdicts that are wrong.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final

from pipelines.errors import UsageError

Record = dict[str, Any]
Change = Callable[[Record, int], Iterator[Record]]


def _shift(record: Record, number: int) -> Iterator[Record]:
    yield record | {"amount_minor": 3 * record["amount_minor"]}


def _attack(record: Record, number: int) -> Iterator[Record]:
    """Every fourth payment is large, online, from a device that the card never used, at the other end of the world."""
    if number % 4:
        yield record
        return
    amount, far = 40 * record["amount_minor"], (-record.get("latitude", 50.0), record.get("longitude", 10.0) - 120)
    strange = {"channel": "online", "entry_mode": "manual", "device_id": f"dev-{record['transaction_id'][::-1]}"}
    yield record | strange | {"amount_minor": amount, "latitude": far[0], "longitude": far[1]}


def _missing(record: Record, number: int) -> Iterator[Record]:
    gone = ("latitude", "longitude") if number % 2 else ()
    yield {name: value for name, value in record.items() if name not in gone}


def _added(record: Record, number: int) -> Iterator[Record]:
    yield record | {"loyalty_tier": "gold" if number % 3 else "silver"}


def _removed(record: Record, number: int) -> Iterator[Record]:
    yield {name: value for name, value in record.items() if name != "category"}


def _retyped(record: Record, number: int) -> Iterator[Record]:
    yield record | {name: str(record[name]) for name in ("latitude", "longitude") if name in record}


def _recased(record: Record, number: int) -> Iterator[Record]:
    yield {"deviceId" if name == "device_id" else name: value for name, value in record.items()}


def _drop(record: Record, number: int) -> Iterator[Record]:
    if number % 5 == 0:
        yield record


def _surge(record: Record, number: int) -> Iterator[Record]:
    yield from (record | {"transaction_id": f"{record['transaction_id']}s{copy}"} for copy in (1, 2))
    yield record


CHANGES: Final[dict[str, Change]] = {
    "shift": _shift,
    "attack": _attack,
    "missing": _missing,
    "added": _added,
    "removed": _removed,
    "retyped": _retyped,
    "recased": _recased,
    "drop": _drop,
    "surge": _surge,
}
WRONG: Final = "wrong"
"""Whoever is asked says that it was genuine."""
KINDS: Final = (*CHANGES, WRONG)
HELP: Final = f"something that a watch must notice: {', '.join(KINDS)}"
"""For command lines."""


def payments(records: Iterable[Record], kinds: Collection[str]) -> Iterator[Record]:
    """Payments with something wrong.

    Args:
        records: of schemas.TRANSACTION.
        kinds: of KINDS; none for nothing.
    """
    changes = [CHANGES[kind] for kind in kinds if kind in CHANGES]
    for number, record in enumerate(records):
        made = [record]
        for change in changes:
            made = [each for one in made for each in change(one, number)]
        yield from made


def signal(record: Record, kinds: Collection[str]) -> Record:
    """A signal with something wrong."""
    return record | {"verdict": "genuine"} if WRONG in kinds and record.get("verdict") else record


def require(kinds: Collection[str]) -> None:
    """Refuse kinds that are not known.

    Raises:
        UsageError: one is not known.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(f"nothing called {kind} can be injected: choose from {', '.join(KINDS)}")
