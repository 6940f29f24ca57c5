"""What looks like a card number: 13 to 19 digits, also spaced or dashed, that pass the check of ISO/IEC 7812-1."""

import re
from typing import Final

from pipelines.errors import UsageError

_LONG: Final = re.compile(r"(?<![0-9A-Za-z])[0-9](?:[ -]?[0-9]){12,18}(?![0-9A-Za-z])")
_BETWEEN: Final = re.compile(r"[ -]")


def digits(number: str) -> str:
    """A number without what stands between its digits."""
    return _BETWEEN.sub("", number)


def luhn(number: str) -> bool:
    """Whether digits pass the check."""
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(number))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def stand_in(text: str) -> bool:
    """Whether something in a text looks like a card number."""
    return any(luhn(digits(found)) for found in _LONG.findall(text))


def without(text: str) -> str:
    """A text that somebody wants to keep, without blanks around it.

    Raises:
        UsageError: it holds what looks like a card number.
    """
    if stand_in(text):
        raise UsageError("that holds what looks like a card number: write its last four digits only")
    return text.strip()
