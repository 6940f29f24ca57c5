"""Contributions against their definition: every order in which inputs can become known, on random trees."""

import random
from itertools import permutations
from math import isclose
from typing import Any

import numpy as np
import pytest

from pipelines.errors import ModelRejected
from pipelines.score import trees
from pipelines.score.trees import Forest

INPUTS = ("filled_amount", "filled_card_ratio", "unknown_card_ratio", "filled_card_n_1h")
Nodes = dict[int, dict[str, Any]]


def grown(chance: random.Random, depth: int) -> Nodes:
    """A tree as MLlib writes it; inputs may come again further down."""
    nodes: Nodes = {}

    def grow(examples: float, left: int) -> int:
        number = len(nodes)
        ends = not left or chance.random() < 0.2
        node: dict[str, Any] = {"id": number, "prediction": chance.gauss(0, 1), "impurityStats": [examples, 0.0, 0.0]}
        node["split"] = {
            "featureIndex": -1 if ends else chance.randrange(len(INPUTS)),
            "leftCategoriesOrThreshold": [] if ends else [chance.random()],
            "numCategories": -1,
        }
        nodes[number] = node
        share = examples * chance.uniform(0.1, 0.9)
        node["leftChild"] = -1 if ends else grow(share, left - 1)
        node["rightChild"] = -1 if ends else grow(examples - share, left - 1)
        return number

    grow(1000.0, depth)
    return nodes


def forest(grove: list[Nodes], weights: list[float]) -> Forest:
    leaves = [leaf for nodes, weight in zip(grove, weights, strict=True) for leaf in trees._leaves(nodes, weight)]
    return trees.planted(INPUTS, leaves)


def expected(nodes: Nodes, values: list[float], known: set[int], number: int = 0) -> float:
    """Of a tree's prediction when some inputs are known: the others follow the examples."""
    node = nodes[number]
    if node["leftChild"] < 0:
        return float(node["prediction"])
    column, (limit,) = node["split"]["featureIndex"], node["split"]["leftCategoriesOrThreshold"]
    children = (node["leftChild"], node["rightChild"])
    if column in known:
        return expected(nodes, values, known, children[values[column] > limit])
    return sum(
        expected(nodes, values, known, child) * nodes[child]["impurityStats"][0] / node["impurityStats"][0]
        for child in children
    )


def by_definition(nodes: Nodes, values: list[float]) -> list[float]:
    orders = list(permutations(range(len(INPUTS))))
    found = [0.0] * len(INPUTS)
    for order in orders:
        known: set[int] = set()
        for column in order:
            before = expected(nodes, values, known)
            known.add(column)
            found[column] += (expected(nodes, values, known) - before) / len(orders)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_contributions_are_what_shapley_values_are_defined_as(seed: int) -> None:
    chance = random.Random(seed)
    grove, weights = [grown(chance, 5) for _ in range(3)], [1.0, 0.3, 0.3]
    row = {"amount": chance.random(), "card_ratio": chance.random() if seed % 2 else None, "card_n_1h": chance.random()}
    (found,) = trees.contributions(forest(grove, weights), [row])
    ratio = 1.0 if row["card_ratio"] is None else row["card_ratio"]  # its default
    values = [row["amount"], ratio, float(row["card_ratio"] is None), row["card_n_1h"]]
    defined = np.sum(
        [np.multiply(weight, by_definition(one, values)) for one, weight in zip(grove, weights, strict=True)], axis=0
    )
    for name, part in (("amount", defined[0]), ("card_ratio", defined[1] + defined[2]), ("card_n_1h", defined[3])):
        assert isclose(found.parts[name], part, abs_tol=1e-12)
    whole = sum(weight * expected(one, values, {0, 1, 2, 3}) for one, weight in zip(grove, weights, strict=True))
    assert isclose(found.margin, whole, abs_tol=1e-12)
    assert isclose(
        found.base,
        sum(weight * expected(one, values, set()) for one, weight in zip(grove, weights, strict=True)),
        abs_tol=1e-12,
    )


def test_a_tree_of_one_leaf_contributes_nothing() -> None:
    (found,) = trees.contributions(forest([grown(random.Random(1), 0)], [1.0]), [{"amount": 1.0}])
    assert set(found.parts.values()) == {0.0}
    assert found.base == found.margin


def test_a_split_by_categories_is_refused() -> None:
    nodes = grown(random.Random(3), 2)
    nodes[0]["split"]["numCategories"] = 4
    with pytest.raises(ModelRejected, match="splits by categories"):
        forest([nodes], [1.0])


def test_a_folder_that_is_no_model_is_refused(tmp_path: Any) -> None:
    with pytest.raises(ModelRejected, match="cannot be read"):
        trees.read(tmp_path)


def test_a_value_at_the_limit_goes_left_as_in_mllib() -> None:
    ends = {"leftChild": -1, "rightChild": -1, "split": None}
    split = {"featureIndex": 0, "leftCategoriesOrThreshold": [0.5], "numCategories": -1}
    nodes: Nodes = {
        0: {"impurityStats": [10.0], "leftChild": 1, "rightChild": 2, "split": split},
        1: {"impurityStats": [4.0], "prediction": -1.0, **ends},
        2: {"impurityStats": [6.0], "prediction": 1.0, **ends},
    }
    found = trees.contributions(forest([nodes], [1.0]), [{"amount": 0.5}, {"amount": 0.5000001}])
    assert [one.margin for one in found] == pytest.approx([-1.0, 1.0])
