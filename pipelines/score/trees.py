"""A saved model's trees, read without Spark: what a payment falls into, and what its features contributed to that."""

import json
from collections.abc import Mapping, Sequence
from math import factorial
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipelines.errors import ModelRejected
from pipelines.features import book

Numbers = NDArray[np.float64]
EVERYTHING: Final = (-np.inf, np.inf)
Leaf = tuple[float, dict[int, tuple[float, float, float]]]
"""What it adds to the margin, and number of each input of its path -> (low, high, share)."""


class Contributions(NamedTuple):
    """What made a payment's score.

    Attributes:
        base: margin of the average payment that the model was fitted on.
        parts: feature -> what its value adds to the margin; Shapley values.
        margin: the sum of both, the model's uncalibrated output.
        score: the margin as a number from 0 to 1, as a decision records it.
    """

    base: float
    parts: dict[str, float]
    margin: float
    score: float


class Forest(NamedTuple):
    """The leaves of all trees: a row a leaf, a column a distinct input of its path.

    Attributes:
        inputs: names of the model's columns, as `features.book` makes them of features.
        values: what each leaf adds to the margin.
        columns: number of the input, 0 where a path has fewer than the longest.
        low, high: a payment is in the leaf if low < input <= high for all of them.
        shares: of the examples that come to the splits of an input on this path, the share that goes on to the leaf.
    """

    inputs: tuple[str, ...]
    values: Numbers
    columns: NDArray[np.int64]
    low: Numbers
    high: Numbers
    shares: Numbers


def read(model: Path) -> Forest:
    """Read the trees of a fetched and verified model.

    Raises:
        ModelRejected: it is not an imputation, an assembler and boosted trees with numbers for inputs.
    """
    try:
        _, assembler, boosting = sorted((model / "sparkml" / "stages").iterdir())
        inputs = tuple(_metadata(assembler)["paramMap"]["inputCols"])
        trees = {row["_1"]: row["_3"] for row in pq.read_table(boosting / "treesMetadata").to_pylist()}
        nodes: dict[int, dict[int, dict[str, Any]]] = {tree: {} for tree in trees}
        for row in pq.read_table(boosting / "data").to_pylist():
            nodes[row["treeID"]][row["nodeData"]["id"]] = row["nodeData"]
    except (OSError, ValueError, KeyError) as problem:
        raise ModelRejected(f"the trees of {model} cannot be read: {problem}") from problem
    leaves = [leaf for tree, weight in sorted(trees.items()) for leaf in _leaves(nodes[tree], weight)]
    return planted(inputs, leaves)


def planted(inputs: tuple[str, ...], leaves: Sequence[Leaf]) -> Forest:
    """A forest of these leaves."""
    longest = max(len(path) for _, path in leaves) or 1
    padded = [[*path.items(), *[(0, (*EVERYTHING, 1.0))] * (longest - len(path))] for _, path in leaves]
    return Forest(
        inputs,
        np.array([value for value, _ in leaves]),
        np.array([[column for column, _ in path] for path in padded]),
        *(np.array([[bounds[part] for _, bounds in path] for path in padded]) for part in range(3)),
    )


def contributions(forest: Forest, rows: Sequence[Mapping[str, float | None]]) -> list[Contributions]:
    """What each feature contributed to the score of payments, exactly.

    Shapley values of the game in which an input that is not known follows the shares of the examples (path-dependent TreeSHAP,
    Lundberg et al., From local explanations to global understanding with explainable AI for trees, Nature Machine Intelligence
    2020). A leaf is a product over the distinct inputs of its path, so its values follow from the coefficients of a polynomial.

    Args:
        forest: as `read`.
        rows: feature -> value as logged, None or absent where unknown.
    """
    base = float(forest.values @ forest.shares.prod(axis=1))
    features = [_feature(name) for name in forest.inputs]
    made = []
    for row in rows:
        by_input = _shapley(forest, _inputs(forest, row))
        parts: dict[str, float] = {}
        for name, part in zip(features, by_input, strict=True):
            parts[name] = parts.get(name, 0.0) + float(part)
        margin = base + float(by_input.sum())
        made.append(Contributions(base, parts, margin, score(margin)))
    return made


def score(margin: float) -> float:
    """MLlib's probability before calibration: its loss is log(1 + exp(-2 y margin)) with y of -1 and 1."""
    return float(1 / (1 + np.exp(-2 * margin)))


def _shapley(forest: Forest, values: Numbers) -> Numbers:
    """One number an input."""
    there = values[forest.columns]
    inside = ((forest.low < there) & (there <= forest.high)).astype(float)
    length = forest.columns.shape[1]
    worth = [factorial(known) * factorial(length - 1 - known) / factorial(length) for known in range(length)]
    found = np.zeros_like(inside)
    for one in range(length):
        others = np.ones((len(inside), 1))
        for other in range(length):
            if other != one:  # times (share + inside t): the coefficient of t^n is the sum over n known inputs
                z, o = forest.shares[:, other, None], inside[:, other, None]
                others = np.pad(others * z, ((0, 0), (0, 1))) + np.pad(others * o, ((0, 0), (1, 0)))
        found[:, one] = forest.values * (inside[:, one] - forest.shares[:, one]) * (others @ worth)
    return np.bincount(forest.columns.ravel(), found.ravel(), len(forest.inputs)).astype(float)


def _inputs(forest: Forest, row: Mapping[str, float | None]) -> Numbers:
    defaults = book.model_inputs()
    made = []
    for name in forest.inputs:
        value = row.get(_feature(name))
        if name.startswith(book.UNKNOWN):
            made.append(float(value is None))
        else:
            made.append(defaults[_feature(name)] if value is None else value)
    return np.array(made)


def _feature(column: str) -> str:
    return column.removeprefix(book.FILLED).removeprefix(book.UNKNOWN)


def _leaves(nodes: Mapping[int, dict[str, Any]], weight: float) -> list[Leaf]:
    """The leaves of a tree."""
    found = []
    under_way: list[tuple[int, dict[int, tuple[float, float, float]]]] = [(0, {})]
    while under_way:
        number, path = under_way.pop()
        node = nodes[number]
        split = node["split"]
        if node["leftChild"] < 0:
            found.append((weight * node["prediction"], path))
            continue
        if split["numCategories"] != -1:
            raise ModelRejected("a tree splits by categories: its contributions cannot be computed")
        column, (limit,) = split["featureIndex"], split["leftCategoriesOrThreshold"]
        low, high, share = path.get(column, (*EVERYTHING, 1.0))
        for child, bounds in (
            (node["leftChild"], (low, min(high, limit))),
            (node["rightChild"], (max(low, limit), high)),
        ):
            came = _examples(nodes[child]) / _examples(node)
            under_way.append((child, path | {column: (*bounds, share * came)}))
    return found


def _examples(node: Mapping[str, Any]) -> float:
    """Weight of the examples that came to a node: the first of the statistics of MLlib's variance."""
    return float(node["impurityStats"][0])


def _metadata(stage: Path) -> dict[str, Any]:
    (file,) = (stage / "metadata").glob("part-*")
    found: dict[str, Any] = json.loads(file.read_text())
    return found
