"""Boosted regression trees as flat arrays, scored for many rows."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.jit import entry, pointer


class Forest(NamedTuple):
    """Trees one after the other. A node has a feature, a threshold (a row whose value is no more goes left), and two
    children: one from 0 on is a node of the same tree, one below is its leaf -child - 1.

    feature, left, right: int16[nodes]; threshold: float32[nodes]; value: float32[leaves]; first_node, first_leaf:
    int32[trees + 1].
    """

    feature: npt.NDArray[np.int16]
    threshold: npt.NDArray[np.float32]
    left: npt.NDArray[np.int16]
    right: npt.NDArray[np.int16]
    value: npt.NDArray[np.float32]
    first_node: npt.NDArray[np.int32]
    first_leaf: npt.NDArray[np.int32]


@entry("out")
def add_trees(rows, count, feature, threshold, left, right, value, first_node, first_leaf, out):  # type: ignore[no-untyped-def]
    """Add what the trees say of rows[:count] (float32[any, features]) to out[:count] (float64).

    Trees outside, rows inside: a tree stays in the first cache for all rows.
    """
    # through pointers: indexes of arrays are looked at for being below zero
    values, width = pointer(rows.reshape(-1)), rows.shape[1]
    features, thresholds, lefts, rights = pointer(feature), pointer(threshold), pointer(left), pointer(right)
    for tree in range(len(first_node) - 1):
        node0, leaf0 = np.int64(first_node[tree]), np.int64(first_leaf[tree])
        for row in range(count):
            first, node = row * width, np.int64(0)
            while node >= 0:
                at = node0 + node
                node = np.int64(lefts[at] if values[first + features[at]] <= thresholds[at] else rights[at])
            out[row] += value[leaf0 - node - 1]


def score_rows(rows: npt.NDArray[np.float32], count: int, forest: Forest) -> npt.NDArray[np.float64]:
    """The sums of the trees' leaves for rows[:count]: float64[count]."""
    out = np.zeros(count)
    add_trees(rows, count, *forest, out)
    return out
