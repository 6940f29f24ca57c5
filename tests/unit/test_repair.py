import json

import pytest

from pipelines.land.repair import Edits, Place, Record

VALUE = b'{"transaction_id": "t-1",  "card_id": "c-1", "kanal": "online"}'


def record(value: bytes | None = VALUE, topic: str = "transactions") -> Record:
    return Record(Place(topic, 0, 7), b"other", value)


def test_what_is_not_changed_stays_byte_for_byte_and_follows_its_card() -> None:
    assert Edits().applied(record()) == record()._replace(key=b"c-1")
    assert Edits(put={"card_id": "c-1"}).applied(record()).value == VALUE
    assert Edits().applied(record(topic="signals")) == record(topic="signals")


def test_fields_are_renamed_dropped_and_set() -> None:
    edits = Edits({"kanal": "channel"}, frozenset({"transaction_id"}), {"card_id": "c-2", "amount_minor": 5})
    mended = edits.applied(record())
    assert json.loads(mended.value or b"") == {"card_id": "c-2", "channel": "online", "amount_minor": 5}
    assert (mended.key, mended.place) == (b"c-2", Place("transactions", 0, 7))


@pytest.mark.parametrize("value", [None, b"", b"[1]", b"not JSON", b"\xff"])
def test_what_is_no_object_stays(value: bytes | None) -> None:
    assert Edits(put={"channel": "online"}).applied(record(value)) == record(value)
