"""What a rule is: data. A SQL condition over a feature record, an action, and its reason in words with numbers."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

NOTE: Final = "note"
"""A rule that only explains: it adds a reason to the decision and asks for nothing."""


class Rule(NamedTuple):
    """A rule of the book.

    Attributes:
        name: stable name; stamped on decisions.
        doc: what it is for.
        condition: SQL over the features and the payment; `{limit}` stands for a number from the policy. Null counts as false.
        action: approve, challenge, hold or decline, or `note`; the policy may choose another.
        reason: words with `%` places as in `format_string`.
        shows: SQL of what stands in those places, in order.
        limits: the numbers the policy may set, with their defaults.
    """

    name: str
    doc: str
    condition: str
    action: str
    reason: str
    shows: tuple[str, ...] = ()
    limits: Mapping[str, float] = MappingProxyType({})
