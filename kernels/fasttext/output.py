"""From a document's vector to a label: the four output layers of fastText (`Loss` and its subclasses in its source).

`numbers` is kernels.fasttext.tables.Numbers.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.jit import inline, jit, pointer

Int64 = npt.NDArray[np.int64]

HIERARCHICAL, SOFTMAX, SIGMOID = 0, 1, 2


class OutputLayer(NamedTuple):
    """outputs: float32 [labels * dim], for the hierarchical loss a row for each inner node of the tree; children and
    parents: int64, see `huffman_tree`."""

    outputs: npt.NDArray[np.float32]
    children: Int64
    parents: Int64


_TINY = 1e-5  # fastText adds it inside every logarithm (Loss::std_log)

# fastText looks sigmoids up in a table of 512 steps over [-8, 8] (Loss::Loss); its probabilities show the steps
_STEPS, _LIMIT = 512, 8.0
_SIGMOIDS = (1.0 / (1.0 + np.exp(-(np.arange(_STEPS + 1) * 2 * _LIMIT / _STEPS - _LIMIT)))).astype(np.float32)


@inline
def _dot(hidden, outputs, start, dim):  # type: ignore[no-untyped-def]
    """Eight sums side by side: one alone waits for each addition."""
    a = b = c = d = e = f = g = h = np.float32(0)
    whole = dim - dim % 8
    for k in range(0, whole, 8):
        at = start + k
        a += hidden[k] * outputs[at]
        b += hidden[k + 1] * outputs[at + 1]
        c += hidden[k + 2] * outputs[at + 2]
        d += hidden[k + 3] * outputs[at + 3]
        e += hidden[k + 4] * outputs[at + 4]
        f += hidden[k + 5] * outputs[at + 5]
        g += hidden[k + 6] * outputs[at + 6]
        h += hidden[k + 7] * outputs[at + 7]
    for k in range(whole, dim):
        a += hidden[k] * outputs[start + k]
    return ((a + b) + (c + d)) + ((e + f) + (g + h))


@inline
def _right_probability(hidden, outputs, dim, node):  # type: ignore[no-untyped-def]
    """The probability of the right child at an inner node of the Huffman tree."""
    return 1.0 / (1.0 + math.exp(-_dot(hidden, outputs, node * dim, dim)))


@jit
def _best_leaf(hidden, outputs, dim, labels, children, stack, scores):  # type: ignore[no-untyped-def]
    """The leaf of the Huffman tree with the highest probability, and that: depth first, worse branches cut off.

    HierarchicalSoftmaxLoss::dfs with k = 1 and threshold 0 (so branches under 1e-5 are cut as well), with products of
    probabilities for its sums of their logarithms.
    """
    outputs_at = pointer(outputs)
    hidden_at = pointer(hidden)
    best, best_score = np.int64(-1), -np.inf
    stack[0], scores[0], height = 2 * labels - 2, 1.0, 1
    while height > 0:
        height -= 1
        node, score = stack[height], scores[height]
        if score < _TINY or score < best_score:
            continue
        if node < labels:
            best, best_score = node, score
            continue
        right = _right_probability(hidden_at, outputs_at, dim, node - labels)
        # the left child is visited first, as fastText does: it decides ties
        stack[height], scores[height] = children[2 * (node - labels) + 1], score * (right + _TINY)
        stack[height + 1], scores[height + 1] = children[2 * (node - labels)], score * (1.0 - right + _TINY)
        height += 2
    return best, best_score


@jit
def _leaf_score(hidden, outputs, dim, labels, children, parents, leaf):  # type: ignore[no-untyped-def]
    """The probability of one leaf of the Huffman tree."""
    node, score = leaf, 1.0
    while node != 2 * labels - 2:
        parent = parents[node]
        right = _right_probability(hidden, outputs, dim, parent - labels)
        score *= (right if children[2 * (parent - labels) + 1] == node else 1.0 - right) + _TINY
        node = parent
    return score


@jit
def classify(hidden, output, numbers, scores, stack, wanted):  # type: ignore[no-untyped-def]
    """(label, probability) of the best label, or of label `wanted` where that is not negative.

    hidden: float32 [dim]; scores (float64) and stack (int64): scratch, [2 * labels + 2].
    """
    outputs, children, parents = output
    dim, labels, loss = numbers.dim, numbers.labels, numbers.loss
    if loss == HIERARCHICAL:
        if wanted >= 0:
            return wanted, _leaf_score(hidden, outputs, dim, labels, children, parents, wanted)
        leaf, score = _best_leaf(hidden, outputs, dim, labels, children, stack, scores)
        return leaf, score if leaf >= 0 else np.nan
    outputs_at, hidden_at = pointer(outputs), pointer(hidden)
    for label in range(labels):
        scores[label] = _dot(hidden_at, outputs_at, label * dim, dim)
    if loss == SOFTMAX:
        top = scores[0]
        for label in range(1, labels):
            top = max(top, scores[label])
        total = 0.0
        for label in range(labels):
            scores[label] = math.exp(scores[label] - top)
            total += scores[label]
        for label in range(labels):
            scores[label] /= total
    else:
        for label in range(labels):
            x = scores[label]
            if not x >= -_LIMIT:  # nor where a damaged model makes it NaN
                scores[label] = 0.0
            elif x > _LIMIT:
                scores[label] = 1.0
            else:
                scores[label] = _SIGMOIDS[int((x + _LIMIT) * _STEPS / _LIMIT / 2)]
    best = wanted
    if wanted < 0:
        best = 0
        for label in range(1, labels):
            if scores[label] >= scores[best]:  # the last of equals, as fastText's heap has it
                best = label
    return best, scores[best] + _TINY


@jit
def probabilities(hidden, output, numbers, scores, stack, out):  # type: ignore[no-untyped-def]
    """Write the probability of every label to `out` (float32 [labels]); the scratch is that of `classify`."""
    if numbers.loss == HIERARCHICAL:
        for label in range(numbers.labels):
            out[label] = _leaf_score(
                hidden, output.outputs, numbers.dim, numbers.labels, output.children, output.parents, np.int64(label)
            )
        return
    classify(hidden, output, numbers, scores, stack, np.int64(-1))
    for label in range(numbers.labels):
        out[label] = scores[label] + _TINY


def huffman_tree(counts: npt.NDArray[np.int64]) -> tuple[Int64, Int64]:
    """(children, parents) of fastText's Huffman tree over label counts, which must come in descending order.

    Nodes: leaf i is label i, inner nodes follow, the root is the last of the 2 * labels - 1. `children` is int64
    [2 * inner nodes]: left and right child of inner node `labels + i` at 2i and 2i + 1; `parents` is int64 [nodes].
    The order of merges, ties included, is that of HierarchicalSoftmaxLoss::buildTree.
    """
    labels = len(counts)
    weight = [int(count) for count in counts] + [10**15] * (labels - 1)
    children, parents = np.zeros(2 * (labels - 1), np.int64), np.full(2 * labels - 1, -1, np.int64)
    leaf, inner = labels - 1, labels
    for node in range(labels, 2 * labels - 1):
        total = 0
        for side in range(2):
            if leaf >= 0 and weight[leaf] < weight[inner]:
                child, leaf = leaf, leaf - 1
            else:
                child, inner = inner, inner + 1
            children[2 * (node - labels) + side] = child
            parents[child] = node
            total += weight[child]
        weight[node] = total
    return children, parents
