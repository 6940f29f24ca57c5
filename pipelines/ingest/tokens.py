"""Card numbers out of payments before anything else sees them: a keyed hash stands for each, its last four digits apart.

HMAC-SHA256 (RFC 2104): without the key nobody can try out all numbers; with the same key a card has the same token everywhere.
What is left in a record may not look like a card number either.
"""

import base64
import hashlib
import hmac
import json
import re
from pathlib import Path
from typing import Any, Final

from pipelines.cards import digits, luhn, stand_in
from pipelines.errors import ConfigurationError, UsageError
from pipelines.schemas import LAST_FOUR

LEAST_KEY: Final = 32
NUMBER: Final = "card_number"
_PREFIX: Final = "tok_"
_LENGTH: Final = 32
_DIGITS: Final = re.compile(r"[0-9]{13,19}")


class Tokens:
    """Makes tokens with a key of at least LEAST_KEY bytes."""

    def __init__(self, key: bytes) -> None:
        """Raises ConfigurationError where the key is too short."""
        if len(key) < LEAST_KEY:
            raise ConfigurationError(f"the key for card tokens has {len(key)} bytes, it needs {LEAST_KEY}")
        self._key = key

    @classmethod
    def from_file(cls, file: Path) -> "Tokens":
        """With the key in a file, blanks around it left out.

        Raises:
            ConfigurationError: it cannot be read, or is too short.
        """
        try:
            return cls(file.read_bytes().strip())
        except OSError as problem:
            raise ConfigurationError(f"key file {file} cannot be read: {problem.strerror}") from problem

    def token(self, number: str) -> str:
        """The token of a card number, 36 characters; blanks and dashes in the number do not matter.

        Raises:
            UsageError: that is no card number. The line does not repeat it.
        """
        plain = digits(number)
        if not _DIGITS.fullmatch(plain) or not luhn(plain):
            raise UsageError("no card number: 13 to 19 digits that pass the Luhn check are wanted")
        made = hmac.new(self._key, plain.encode(), hashlib.sha256).digest()
        return _PREFIX + base64.b32encode(made).decode().lower()[:_LENGTH]

    def line(self, line: str, field: str = NUMBER) -> str:
        """A payment (one JSON object) with `card_id` and `last_four` in place of the number in `field`.

        Raises:
            UsageError: it is no such payment, or another field holds what looks like a card number. The line repeats no value.
        """
        try:
            record: dict[str, Any] = json.loads(line)
            number = str(record.pop(field))
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            raise UsageError(f"not a JSON object with a field {field}") from problem
        record |= {"card_id": self.token(number), LAST_FOUR.name: digits(number)[-4:]}
        made = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
        if stand_in(made):
            raise UsageError(f"another field than {field} holds what looks like a card number")
        return made
