"""Connected components spread over partitions, for more edges than one task should see.

Documents are paired with the first few that share a key, so most components are stars or become one in a step. What is
left is the few documents in the middle, and these alone go through one task, in memory or over files:

    hook    twice, by larger node: a node and its smaller neighbours are tied to the smallest of these (small-star,
            Kiveris et al. 2014), which leaves the components as they are
    trim    by node, with all its neighbours: one with a single neighbour, a smaller one, is a leaf and goes to it; the
            other edges are the core
    core    once: the components of the core
    label   by node: a leaf has its neighbour's component, and this the core's or its own number

Any graph gives the same answer as in one task; a graph of long chains leaves more of itself in the core.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.dedup.components import Nodes
from dspipe.pipeline.storage.records import mixed, record_batch, slice_of, spread
from dspipe.pipeline.storage.spill import received_slices
from dspipe.stages.minhash.components import Edges, connected_components
from dspipe.stages.minhash.signatures import unique_pairs

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

BYTES_PER_EDGE = 128
"""peak memory of a phase, for each edge that a partition holds at a time"""
_PIECE = 1 << 20


def send_edges(task: "Task", left: Nodes, right: Nodes) -> None:
    """Send each edge to its larger node's partition."""
    _send(task, np.maximum(left, right), np.minimum(left, right))


def hook(task: "Task", both: bool) -> None:
    """Tie a node and its smaller neighbours to the smallest of them; `both`: send each edge to both nodes."""
    for (node, other), _ in _slices(task):
        order = np.lexsort([other, node])
        node, other = node[order], other[order]
        first = np.flatnonzero(_begins(node))
        least = np.repeat(other[first], np.diff(np.append(first, len(node))))
        apart = other != least
        left, right = np.concatenate([node, other[apart]]), np.concatenate([least, least[apart]])
        left, right = unique_pairs(left, right)
        _send(task, left, right)
        if both:
            _send(task, right, left)


def trim(task: "Task", core: str) -> None:
    """Send leaves to their only neighbours, and write the other edges to the artifact `core`."""
    with task.make(core, ".edges") as file:
        for (node, other), _ in _slices(task):
            node, other = unique_pairs(node, other)
            begins = np.append(_begins(node), True)
            # an edge is judged where its larger node is: a leaf there, if this is all that the node has
            leaf = (other < node) & begins[:-1] & begins[1:]
            rest = (other < node) & ~leaf
            _send(task, other[leaf], node[leaf])
            file.write(np.stack([node[rest], other[rest]], axis=1).tobytes())
            task.count("leaves", int(leaf.sum()))
            task.count("edges of the core", int(rest.sum()))


def label_core(task: "Task", core: str) -> None:
    """Send each node of the core the smallest of its component."""
    for nodes, roots in connected_components(_core_edges(task, core), task.memory // 2):
        _send(task, nodes, roots)


def label(task: "Task", core_labels: str) -> None:
    """Send every node's component to its shard."""
    for (hub, leaf), (core, root) in _slices(task, core_labels):
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


def send_labels(task: "Task", nodes: Nodes, roots: Nodes) -> None:
    """Send nodes, which are documents, the smallest node of their component, to their shards."""
    rows = (nodes & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    task.emit((nodes >> np.uint64(32)).astype(np.int64), record_batch({"row": rows, "component": roots}))
    task.count("documents", len(nodes))
    task.count("components", int((nodes == roots).sum()))


def _send(task: "Task", node: Nodes, other: Nodes) -> None:
    task.emit(spread(mixed(node), task.partitions), record_batch({"node": node, "other": other}))


def _slices(task: "Task", beside: str | None = None) -> Iterator[tuple[Edges, Edges]]:
    """What was sent, (node, other), by slices of the nodes that fit the memory; and of a second exchange the same."""
    slices = -(-task.received_bytes // 16 * BYTES_PER_EDGE * 4 // task.memory)

    def place(batch: pa.RecordBatch) -> Nodes:
        return slice_of(mixed(batch.column("node").to_numpy()), slices)

    others: Iterator[Iterator[tuple[int, pa.RecordBatch]]] = iter(())
    if beside is not None:
        others = received_slices(task, slices, place, beside)
    for part in received_slices(task, slices, place):
        yield _edges(part), _edges(next(others, iter(())))


def _edges(part: Iterator[tuple[int, pa.RecordBatch]]) -> Edges:
    none = np.empty(0, np.uint64)
    pieces = [(batch.column("node").to_numpy(), batch.column("other").to_numpy()) for _, batch in part]
    node, other = (np.concatenate(sides) for sides in zip((none, none), *pieces, strict=True))
    return node, other


def _core_edges(task: "Task", core: str) -> Iterator[Edges]:
    for artifact in task.artifact(core):
        with artifact.open() as file:
            while data := file.read(16 * _PIECE):
                edges = np.frombuffer(data, np.uint64).reshape(-1, 2)
                yield np.ascontiguousarray(edges[:, 0]), np.ascontiguousarray(edges[:, 1])


def _begins(values: Nodes) -> npt.NDArray[np.bool_]:
    """Where runs of equal values begin."""
    begins = np.ones(len(values), bool)
    begins[1:] = values[1:] != values[:-1]
    return begins
