"""What goes wrong on the payment side: records that are no payments, and payments that are sent twice."""

import json
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from pipelines.simulate.chance import personal

TEST_NUMBER: Final = "4111111111111111"
"""A public test number that passes the Luhn check: what must never be taken for a token."""
_REMEMBERED: Final = 1_000


def _without(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda record: json.dumps({key: value for key, value in record.items() if key != name})


def _with(name: str, value: object) -> Callable[[dict[str, Any]], str]:
    return lambda record: json.dumps({**record, name: value})


DEFECTS: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "not JSON": lambda record: f"payment {record['transaction_id']} please",
    "cut off": lambda record: json.dumps(record)[:-9],
    "two in one": lambda record: json.dumps(record) * 2,
    "no id": _without("transaction_id"),
    "no amount": _without("amount_minor"),
    "card number": _with("card_id", TEST_NUMBER),
    "negative amount": _with("amount_minor", -100),
    "no time": _with("event_time", "yesterday"),
    "far future": _with("event_time", "9999-12-31T23:59:59.999Z"),
}


class Mishaps:
    """Additional records between the payments."""

    def __init__(self, seed: int, bad_share: float, repeat_share: float) -> None:
        """Say how often something goes wrong.

        Args:
            seed: makes the mishaps repeatable.
            bad_share: spoiled copies of a payment, as a share of payments. A copy has an id of its own.
            repeat_share: exact repeats of a recent payment, as a share of payments.
        """
        self._luck = personal(seed, "mishaps")
        self._bad_share, self._repeat_share = bad_share, repeat_share
        self._recent: deque[tuple[str, bytes]] = deque(maxlen=_REMEMBERED)

    def bad(self, record: dict[str, Any]) -> bytes | None:
        """Now and then a spoiled copy of a payment."""
        if self._luck.random() >= self._bad_share:
            return None
        defect = self._luck.choice(list(DEFECTS.values()))
        return defect({**record, "transaction_id": record["transaction_id"] + "x"}).encode()

    def repeat(self, key: str, value: bytes) -> tuple[str, bytes] | None:
        """Now and then a recent payment again, key and value; remembers the one given."""
        self._recent.append((key, value))
        return self._luck.choice(self._recent) if self._luck.random() < self._repeat_share else None
