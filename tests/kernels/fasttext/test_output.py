"""Output layers against plain Python, each label's probability and the tree's shape."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from dspipe.kernels.fasttext.output import HIERARCHICAL, SIGMOID, SOFTMAX, OutputLayer, classify, huffman_tree
from dspipe.kernels.fasttext.tables import Numbers
from dspipe.kernels.jit import entry

DIM, LABELS = 11, 9
DRAW = np.random.default_rng(8)
HIDDEN = DRAW.normal(size=DIM).astype(np.float32)
OUTPUTS = DRAW.normal(size=(LABELS, DIM)).astype(np.float32)
COUNTS = np.sort(DRAW.integers(1, 50, LABELS))[::-1].copy()


@entry("scores", "stack")
def _classify(hidden, output, numbers, scores, stack, wanted):  # type: ignore[no-untyped-def]
    return classify(hidden, output, numbers, scores, stack, wanted)


def best(loss: int, wanted: int = -1) -> tuple[int, float]:
    numbers = Numbers(DIM, 0, 0, 1, 1, 0, 0, LABELS, loss, -1, 0)
    output = OutputLayer(OUTPUTS.reshape(-1), *huffman_tree(COUNTS))
    scratch = np.zeros(2 * LABELS + 2), np.zeros(2 * LABELS + 2, np.int64)
    label, score = _classify(HIDDEN, output, numbers, *scratch, wanted)
    return int(label), float(score)


def probabilities(loss: int) -> npt.NDArray[np.float64]:
    sums = OUTPUTS.astype(np.float64) @ HIDDEN
    if loss == SOFTMAX:
        shares = np.exp(sums)
        return np.asarray(shares / shares.sum())
    if loss == SIGMOID:
        return 1 / (1 + np.exp(-sums))
    children, _ = huffman_tree(COUNTS)
    found = np.zeros(LABELS)
    waiting = [(2 * LABELS - 2, 1.0)]
    while waiting:
        node, share = waiting.pop()
        if node < LABELS:
            found[node] = share
            continue
        right = 1 / (1 + math.exp(-sums[node - LABELS]))
        left_child, right_child = children[2 * (node - LABELS) : 2 * (node - LABELS) + 2].tolist()
        waiting += [(left_child, share * (1 - right)), (right_child, share * right)]
    return found


# sigmoids are looked up in steps of 1/32
@pytest.mark.parametrize(("loss", "tolerance"), [(SOFTMAX, 2e-5), (SIGMOID, 0.01), (HIERARCHICAL, 2e-4)])
def test_the_probability_of_each_label_and_the_best(loss: int, tolerance: float) -> None:
    expected = probabilities(loss)
    for label in range(LABELS):
        assert best(loss, label)[0] == label
        assert best(loss, label)[1] == pytest.approx(expected[label], abs=tolerance)
    assert best(loss)[0] == expected.argmax()
    assert best(loss)[1] == pytest.approx(expected.max(), abs=tolerance)


def test_the_tree_of_a_few_labels() -> None:
    children, parents = huffman_tree(np.array([8, 4, 2, 1]))
    assert children.tolist() == [3, 2, 4, 1, 5, 0]
    assert parents.tolist() == [6, 5, 4, 4, 5, 6, -1]
