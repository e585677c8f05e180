"""Connected components of an undirected graph whose nodes are uint64 numbers and whose edges fit the memory."""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.jit import entry

Nodes = npt.NDArray[np.uint64]

BYTES_PER_EDGE = 80
"""peak memory of `components` for an edge, its sorted node numbers and their indexes"""


def components(left: Nodes, right: Nodes) -> tuple[Nodes, Nodes]:
    """The nodes of the edges left[i] - right[i], ascending, and for each the smallest node of its component.

    Union-find that always hangs the larger root below the smaller, with path halving (Tarjan and van Leeuwen 1984): the
    answer doesn't depend on the order of the edges.
    """
    nodes = np.unique(np.concatenate([left, right]))
    parents = np.arange(len(nodes), dtype=np.int64)
    _union(parents, np.searchsorted(nodes, left), np.searchsorted(nodes, right))
    return nodes, nodes[parents]


@entry("parents")
def _union(parents: npt.NDArray[np.int64], left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> None:
    for i in range(left.shape[0]):
        a, b = left[i], right[i]
        while parents[a] != a:
            parents[a] = parents[parents[a]]
            a = parents[a]
        while parents[b] != b:
            parents[b] = parents[parents[b]]
            b = parents[b]
        if a < b:
            parents[b] = a
        else:
            parents[a] = b
    # a parent is never larger than its child, so one ascending pass makes every parent a root
    for node in range(parents.shape[0]):
        parents[node] = parents[parents[node]]
