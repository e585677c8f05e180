"""Connected components found by many partitions, for more edges than one task should see.

Documents are paired with the first few that share a key, so most components are stars or become one in a step. What is
left is the few documents in the middle, and these alone go through one task, in memory or over files:

    small_star   twice, by larger node: a node and its smaller neighbours are tied to the smallest of these (small-star,
                 Kiveris et al. 2014), which leaves the components as they are
    trim         by node, with all its neighbours: one with a single neighbour, a smaller one, is a leaf and is sent to
                 it; the other edges are the core
    core         once: the components of the core
    label        by node: a leaf has its neighbour's component, and this the core's or its own number

Any graph gives the same answer as in one task; a graph of long chains leaves more of itself in the core.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from dspipe.kernels.sorted_arrays import starts_run, unique_pairs
from dspipe.pipeline.doc_id import UInt64
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import murmur_hash64, slice_of, slices_that_fit
from dspipe.pipeline.tasks.spill import received_slices
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.minhash.components import Edges, connected_components
from dspipe.stages.minhash.edges import send_to_node
from dspipe.stages.minhash.labels import send_labels

EDGE_SENT = 16
"""bytes sent of an edge: two nodes"""
EDGE_HELD = 128
"""peak memory of a phase, for each edge that a partition holds at a time"""
_READ_EDGES = 1 << 20


def tie_to_smallest(task: Task, stage: StageSettings) -> None:
    """Tie a node and its smaller neighbours to the smallest of them (small-star).

    Settings: both_ways, whether each edge is sent to both of its nodes.
    """
    for (node, other), _ in _slices(task):
        order = np.lexsort([other, node])
        node, other = node[order], other[order]
        first = np.flatnonzero(starts_run(node))
        smallest = np.repeat(other[first], np.diff(np.append(first, len(node))))
        apart = other != smallest
        left, right = np.concatenate([node, other[apart]]), np.concatenate([smallest, smallest[apart]])
        left, right = unique_pairs(left, right)
        send_to_node(task, left, right)
        if stage.settings["both_ways"]:
            send_to_node(task, right, left)


def trim_leaves(task: Task, stage: StageSettings) -> None:
    """Send leaves to their only neighbours, and write the other edges to the artifact `<stage>.core`."""
    with task.make(f"{stage.name}.core", ".edges") as file:
        for (node, other), _ in _slices(task):
            node, other = unique_pairs(node, other)
            begins = np.append(starts_run(node), True)
            # an edge is judged where its larger node is: a leaf there, if this is all that the node has
            leaf = (other < node) & begins[:-1] & begins[1:]
            rest = (other < node) & ~leaf
            send_to_node(task, other[leaf], node[leaf])
            file.write(np.stack([node[rest], other[rest]], axis=1).tobytes())
            task.count("leaves", int(leaf.sum()))
            task.count("edges of the core", int(rest.sum()))


def label_core(task: Task, stage: StageSettings) -> None:
    """Send each node of the core the smallest of its component."""
    for nodes, roots in connected_components(_core_edges(task, f"{stage.name}.core"), task.memory // 2):
        send_to_node(task, nodes, roots)


def label_leaves(task: Task, stage: StageSettings) -> None:
    """Send every node's component to its shard: a leaf's is that of its neighbour."""
    for (hub, leaf), (core, root) in _slices(task, f"{stage.name}.core_labels"):
        order = np.argsort(core)
        core, root = core[order], root[order]
        hubs = np.unique(hub)
        alone = hubs[~np.isin(hubs, core)]
        core, root = np.concatenate([core, alone]), np.concatenate([root, alone])
        order = np.argsort(core)
        core, root = core[order], root[order]
        nodes = np.concatenate([leaf, core])
        roots = np.concatenate([root[np.searchsorted(core, hub)], root])
        send_labels(task, nodes, roots)


def _slices(task: Task, also: str | None = None) -> Iterator[tuple[Edges, Edges]]:
    """What was sent, (node, other), by slices of the nodes that fit the memory; and of a second exchange the same."""
    slices = slices_that_fit(task, EDGE_SENT, EDGE_HELD)

    def slice_of_node(batch: pa.RecordBatch) -> UInt64:
        return slice_of(murmur_hash64(batch.column("node").to_numpy()), slices)

    others: Iterator[Iterator[tuple[int, pa.RecordBatch]]] = iter(())
    if also is not None:
        others = received_slices(task, slices, slice_of_node, also)
    for part in received_slices(task, slices, slice_of_node):
        yield _edges(part), _edges(next(others, iter(())))


def _edges(part: Iterator[tuple[int, pa.RecordBatch]]) -> Edges:
    none = np.empty(0, np.uint64)
    pieces = [(batch.column("node").to_numpy(), batch.column("other").to_numpy()) for _, batch in part]
    node, other = (np.concatenate(sides) for sides in zip((none, none), *pieces, strict=True))
    return node, other


def _core_edges(task: Task, core: str) -> Iterator[Edges]:
    for artifact in task.artifact(core):
        with artifact.open() as file:
            while data := file.read(EDGE_SENT * _READ_EDGES):
                edges = np.frombuffer(data, np.uint64).reshape(-1, 2)
                yield np.ascontiguousarray(edges[:, 0]), np.ascontiguousarray(edges[:, 1])
