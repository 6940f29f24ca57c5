"""One order for all entities: exact where there is one, and said where there is none."""

import random

from pipelines.check.order import Seen, line_up


def test_every_entity_sees_its_events_in_its_own_order() -> None:
    chance = random.Random(3)
    true = [(f"c{chance.randrange(5)}", f"m{chance.randrange(4)}") for _ in range(300)]
    counts: dict[str, int] = {}
    seen: list[list[Seen]] = []
    for keys in true:
        for key in keys:
            counts[key] = counts.get(key, 0) + 1
        seen.append([(key, counts[key]) for key in keys])
    shuffled = chance.sample(range(300), 300)
    found = line_up([seen[event] for event in shuffled])
    assert found.forced == 0
    lined_up = [seen[shuffled[position]] for position in found.order]
    assert sorted(map(str, lined_up)) == sorted(map(str, seen))
    for entity in range(2):
        for key in {event[entity][0] for event in seen}:
            numbers = [event[entity][1] for event in lined_up if event[entity][0] == key]
            assert numbers == sorted(numbers)


def test_what_nothing_orders_stays_as_it_was_given() -> None:
    assert line_up([[("a", 1)], [("b", 1)], [("a", 2)]]).order == [0, 1, 2]
    assert line_up([]).order == []


def test_events_that_no_order_suits_are_counted_and_kept() -> None:
    found = line_up([[("c", 1), ("m", 2)], [("c", 2), ("m", 1)], [("d", 1), ("n", 1)]])
    assert found.forced == 2
    assert sorted(found.order) == [0, 1, 2]
