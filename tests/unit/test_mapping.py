from pathlib import Path

import pytest

from pipelines.errors import ConfigurationError, UsageError
from pipelines.ingest.mapping import Expression, read_mapping

SOURCES = Path(__file__).parents[2] / "conf" / "sources"
WHOLE = "columns: {transaction_id: a, card_id: b, merchant_id: c, amount_minor: d, currency: e, event_time: f}\n"


def read(tmp_path: Path, text: str) -> object:
    file = tmp_path / "x.yaml"
    file.write_text(text)
    return read_mapping(file)


@pytest.mark.parametrize("file", sorted(SOURCES.glob("*.yaml")), ids=lambda file: file.stem)
def test_shipped_mappings_are_whole(file: Path) -> None:
    mapping = read_mapping(file)
    assert mapping.label is not None


def test_entities_are_short_for_ids(tmp_path: Path) -> None:
    columns = "columns: {transaction_id: a, amount_minor: {sql: d * 100}, currency: e, event_time: f}\n"
    file = tmp_path / "x.yaml"
    file.write_text(columns + "entities: {card: b, merchant: c}\n")
    found = read_mapping(file).sources()
    assert (found["card_id"], found["merchant_id"], found["amount_minor"]) == ("b", "c", Expression(sql="d * 100"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("columns: [", "is not YAML"),
        ("- a", "mapping file"),
        ("colums: {}", "colums"),
        (WHOLE.replace("card_id", "card"), "columns.card is not a column of a payment; nearest: card_id"),
        (WHOLE.replace("currency: e, ", ""), "currency missing in columns"),
        (WHOLE + "entities: {card: b}", "entities.card and columns.card_id are the same"),
        (WHOLE + "entities: {shop: b}", "entities.shop"),
        (WHOLE + "label: {expression: x}", "label"),
    ],
)
def test_refusals_name_the_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as refusal:
        read(tmp_path, text)
    assert "\n" not in str(refusal.value)


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        read_mapping(tmp_path / "none.yaml")
