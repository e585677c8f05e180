"""Trees as flat arrays against plain recursion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.html.forest import Forest, score_rows

Node = float | tuple[int, float, "Node", "Node"]


def nodes() -> st.SearchStrategy[Node]:
    value = st.integers(-8, 8).map(lambda n: n / 4)
    return st.recursive(
        value, lambda inner: st.tuples(st.integers(0, 2), st.integers(-4, 4).map(float), inner, inner), max_leaves=8
    )


def flatten(trees: list[Node]) -> Forest:
    rows: list[tuple[int, float, int, int]] = []
    leaves: list[float] = []
    first_node, first_leaf = [0], [0]
    for tree in trees:

        def walk(node: Node) -> int:
            if isinstance(node, float):
                leaves.append(node)
                return first_leaf[-1] - len(leaves)
            at = len(rows)
            rows.append((0, 0.0, 0, 0))
            rows[at] = (node[0], node[1], walk(node[2]), walk(node[3]))
            return at - first_node[-1]

        if walk(tree) < 0:
            rows.append((0, np.inf, -1, -1))
        first_node.append(len(rows))
        first_leaf.append(len(leaves))
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    types = (np.int16, np.float32, np.int16, np.int16)
    feature, threshold, left, right = (np.array(c, t) for c, t in zip(columns, types, strict=True))
    starts = np.array(first_node, np.int32), np.array(first_leaf, np.int32)
    return Forest(feature, threshold, left, right, np.array(leaves, np.float32), *starts)


def simulate(node: Node, row: list[float]) -> float:
    while not isinstance(node, float):
        node = node[2] if row[node[0]] <= node[1] else node[3]
    return node


@given(
    st.lists(nodes(), max_size=4),
    st.lists(st.lists(st.integers(-5, 5).map(float), min_size=3, max_size=3), min_size=1, max_size=5),
)
def test_scores_are_those_of_plain_recursion(trees: list[Node], rows: list[list[float]]) -> None:
    scores = score_rows(np.array(rows, np.float32), len(rows), flatten(trees))
    assert scores.tolist() == [sum(simulate(tree, row) for tree in trees) for row in rows]


def test_only_the_first_rows_are_scored() -> None:
    forest = flatten([(0, 0.0, 1.0, 2.0)])
    assert score_rows(np.array([[-1.0], [1.0], [1.0]], np.float32), 2, forest).tolist() == [1.0, 2.0]


def test_as_lightgbm_scores_them() -> None:
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm isn't installed")
    from benchmarks.extract_train import flatten as flatten_booster

    rng = np.random.default_rng(1)
    rows = rng.normal(size=(500, 6)).astype(np.float32)
    goal = (rows[:, 0] * rows[:, 1] > 0).astype(float)
    booster = lightgbm.train({"objective": "cross_entropy", "verbose": -1}, lightgbm.Dataset(rows, goal), 30)
    expected = booster.predict(rows, raw_score=True)
    np.testing.assert_allclose(score_rows(rows, len(rows), flatten_booster(booster)), expected, atol=1e-5)
