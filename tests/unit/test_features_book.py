"""Every feature keeps the same promises, found in the book: adding one needs no new test."""

import re

import pytest

from pipelines.features import book
from pipelines.features.card import CARD
from pipelines.features.spec import TIE_BITS, Entity, Feature

FORBIDDEN = (
    "current_timestamp",
    "now(",
    "rand(",
    "uuid(",
    "collect_list",
    "collect_set",
    "element_at(",
    "[",
    "amount_minor %",
)


@pytest.mark.parametrize("feature", book.FEATURES, ids=lambda feature: feature.name)
def test_a_feature_has_name_unit_words_and_a_finite_default(feature: Feature) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{1,40}", feature.name)
    assert feature.unit and feature.doc[0].isupper() and not feature.doc.endswith(".")
    assert abs(feature.default) < 1e9


@pytest.mark.parametrize("entity", book.ENTITIES, ids=lambda entity: entity.name)
def test_nothing_in_an_entity_depends_on_the_clock_or_chance_or_can_throw(entity: Entity) -> None:
    for part in (*entity.states, *entity.views, *entity.features):
        assert not [word for word in FORBIDDEN if word in part.sql], part.name


@pytest.mark.parametrize("entity", book.ENTITIES, ids=lambda entity: entity.name)
def test_states_are_bounded_and_ties_in_them_have_an_order(entity: Entity) -> None:
    in_order = rf"\(shiftleft\(.*, {TIE_BITS}\) \+ \(payment & {(1 << TIE_BITS) - 1}\)\), \d+"
    kept = rf"max_by\((struct\(.*\), (struct\(.*\)|{in_order})|place, place, \d+)\)"
    allowed = rf"({kept}|(min|max|count|sum)\(.*\)) filter \(where .*\)"
    for state in entity.states:
        assert re.fullmatch(allowed, state.sql, re.DOTALL), state.name


def test_names_are_unique_across_entities() -> None:
    parts = [part.name for entity in book.ENTITIES for part in (*entity.states, *entity.views, *entity.features)]
    assert len(parts) == len(set(parts))


def test_an_entity_reads_only_its_own_past_and_earlier_features() -> None:
    foreign = {part.name for entity in book.ENTITIES[1:] for part in (*entity.states, *entity.views)}
    words = {word for part in (*CARD.views, *CARD.features) for word in re.findall(r"\w+", part.sql)}
    assert not words & foreign


def test_fingerprints_tell_definitions_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    features, states = book.feature_set(), book.state_set()
    other = CARD._replace(features=(*CARD.features[:-1], CARD.features[-1]._replace(sql="0D")))
    monkeypatch.setattr(book, "ENTITIES", (other, *book.ENTITIES[1:]))
    assert book.feature_set() != features
    assert book.state_set() == states
    fewer = CARD._replace(states=CARD.states[1:])
    monkeypatch.setattr(book, "ENTITIES", (fewer, *book.ENTITIES[1:]))
    assert book.state_set() != states
    monkeypatch.undo()
    monkeypatch.setattr(book, "EVENT", book.EVENT[:-1])  # the last event of an entity is part of its state
    assert book.state_set() != states


def test_model_inputs_replace_the_unknown_by_the_declared_default() -> None:
    inputs = book.model_inputs()
    assert len(inputs) == len(book.FEATURES)
    assert inputs["card_ratio"] == 1.0
    assert inputs["card_since_fraud_days"] == 999.0
