"""All features, in the order of the vector. To add one, add a line to its entity; nothing else needs to know."""

import hashlib
from typing import Final

from pipelines.features.card import CARD
from pipelines.features.device import DEVICE
from pipelines.features.merchant import MERCHANT
from pipelines.features.spec import Feature, place
from pipelines.schemas import EVENT, ddl

ENTITIES: Final = (CARD, MERCHANT, DEVICE)
"""In the order of the stream's keyed stages: a later entity may use the features of an earlier one."""

FEATURES: Final[tuple[Feature, ...]] = tuple(feature for entity in ENTITIES for feature in entity.features)

SEQUENCES: Final = tuple(entity.sequence for entity in ENTITIES)

RECORD: Final = (
    f"{ddl(EVENT)}, {', '.join(f'{name} bigint' for name in SEQUENCES)}, "
    f"features struct<{', '.join(f'{feature.name}: double' for feature in FEATURES)}>"
)
"""DDL of a record on `features` and `applied`."""

PAYMENT: Final = f'{{"{EVENT[0].name}":"transaction"'.encode()
"""How the JSON of such a record begins when it is a payment: others are told apart without being parsed."""

ACCRUING: Final = frozenset(
    {
        "card_age_days",
        "card_frauds_known",
        "card_since_fraud_days",
        "card_genuine_known",
        "merchant_fraud_rate",
        "merchant_since_fraud_days",
        "merchant_since_unexplained_days",
        "merchant_since_genuine_days",
        "device_age_days",
    }
)
"""Features that grow with the record: ages, and what became known so far. Their distribution moves by itself."""

FILLED: Final = "filled_"
UNKNOWN: Final = "unknown_"
"""How a model's columns begin: a feature with its default where it is unknown, and whether it is."""

DERIVED: Final = {
    "amount": "amount_minor / 100D",
    "as_of": "coalesce(transaction_ms, event_ms)",
    "payment": "xxhash64(transaction_id)",
    "place": place("coalesce(transaction_ms, event_ms)", "xxhash64(transaction_id)"),
    "card": "xxhash64(card_id)",
    "merchant": "xxhash64(merchant_id)",
    "device": "if(device_id is null, null, xxhash64(device_id))",
    "habit": "xxhash64(channel, category)",
}
"""What states and features read beside the event's own fields: short keys, so that the kept past is small."""


def feature_set() -> str:
    """Fingerprint of everything a feature's value depends on: definitions, views, states, keys."""
    return _fingerprint([DERIVED, *ENTITIES])


def state_set() -> str:
    """Fingerprint of what the stream keeps. Another one needs another checkpoint."""
    kept = [(entity.key, entity.states, _stage_input(position)) for position, entity in enumerate(ENTITIES)]
    return _fingerprint([EVENT, DERIVED, kept])


def model_inputs() -> dict[str, float]:
    """The model's inputs in order: each feature, and what stands in for it where it is unknown."""
    return {feature.name: feature.default for feature in FEATURES}


def _stage_input(position: int) -> list[str]:
    return [feature.name for entity in ENTITIES[:position] for feature in entity.features]


def _fingerprint(what: object) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()[:12]
