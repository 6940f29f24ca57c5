"""What merchants sell: categories, where they sell it, and what it costs."""

from typing import Final, NamedTuple


class Category(NamedTuple):
    """A merchant category. `price` is the median amount in minor units, `spread` the sigma of its logarithm."""

    name: str
    channel: str
    price: int
    spread: float
    weight: float


CATEGORIES: Final = (
    Category("grocery", "card_present", 2_400, 0.65, 24),
    Category("restaurant", "card_present", 2_900, 0.60, 14),
    Category("fuel", "card_present", 5_200, 0.35, 8),
    Category("transit", "card_present", 380, 0.50, 9),
    Category("pharmacy", "card_present", 1_700, 0.65, 6),
    Category("leisure", "card_present", 2_300, 0.70, 6),
    Category("clothing", "card_present", 5_800, 0.70, 6),
    Category("home", "card_present", 7_500, 0.90, 5),
    Category("electronics", "card_present", 11_000, 0.95, 4),
    Category("jewellery", "card_present", 15_000, 0.85, 1.5),
    Category("cash", "atm", 10_000, 0.60, 1),
    Category("marketplace", "online", 3_600, 0.85, 8),
    Category("fashion", "online", 5_500, 0.70, 5),
    Category("delivery", "online", 2_300, 0.40, 5),
    Category("travel", "online", 14_000, 0.95, 2.5),
    Category("tickets", "online", 6_000, 0.70, 2.5),
    Category("gift_cards", "online", 4_500, 0.60, 1),
    Category("digital", "online", 750, 0.80, 5),
    Category("gaming", "online", 650, 0.90, 3),
    Category("subscription", "online", 1_100, 0.45, 4),
)

GOODS: Final = ("clothing", "home", "electronics", "jewellery")
"""Bought in shops and easily sold on."""
DEAR: Final = ("marketplace", "fashion", "travel", "tickets", "gift_cards")
"""Bought online and easily sold on."""
CHEAP: Final = ("digital", "gaming", "subscription")
"""Online, where small amounts are usual."""


def codes(*names: str) -> list[int]:
    """Positions of categories in CATEGORIES."""
    return [index for index, category in enumerate(CATEGORIES) if category.name in names]


def selling(channel: str) -> list[int]:
    """Positions of the categories sold through a channel."""
    return [index for index, category in enumerate(CATEGORIES) if category.channel == channel]
