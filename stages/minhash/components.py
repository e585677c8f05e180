"""Connected components of any number of edges: in memory while they fit it, else over files.

Over files the components are found by large-star and small-star (Kiveris et al. 2014, "Connected Components in
MapReduce and Beyond"): a node's larger neighbours and then its smaller ones are tied to the smallest of all of them,
in turn, until every component is a star around its smallest node. Edges lie in files by a hash of their first node.
What must fit the memory is the list of one file's nodes, not their edges, so a node may have any number of neighbours.
"""

import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from dspipe.kernels.dedup.components import BYTES_PER_EDGE, Nodes, components
from dspipe.kernels.sorted_arrays import starts_run
from dspipe.pipeline.tasks.records import murmur_hash64

Edges = tuple[Nodes, Nodes]

BYTES_PER_NODE = 128
"""peak memory of an operation on a file, for each of its nodes"""
MAX_FILES = 512
"""open at a time"""


def connected_components(edges: Iterable[Edges], memory: int) -> Iterator[Edges]:
    """(nodes, the smallest node of each one's component), each node once, in pieces; every edge joins two nodes.

    `edges` come in pieces of any size. Takes about `memory` bytes, and the temporary directory when that isn't enough.
    """
    taken: list[Edges] = []
    count = 0
    pieces = iter(edges)
    for piece in pieces:
        taken.append(piece)
        count += len(piece[0])
        if count * BYTES_PER_EDGE > memory:
            yield from star_components(chain(taken, pieces), memory)
            return
    if count:
        left, right = (np.concatenate(sides) for sides in zip(*taken, strict=True))
        yield components(left, right)


def star_components(edges: Iterable[Edges], memory: int) -> Iterator[Edges]:
    """As `connected_components`, over files."""
    with tempfile.TemporaryDirectory() as directory:
        rows = max(1024, memory // BYTES_PER_NODE)
        unsorted = _EdgeFiles(Path(directory) / "unsorted", 1, rows)
        count = sum(unsorted.add(left, right) for left, right in edges)
        files = min(MAX_FILES, max(1, -(-2 * count // rows)))
        current = _EdgeFiles(Path(directory) / "0", files, rows)
        for left, right in unsorted.pieces(0):
            _add_both(current, left, right)
        unsorted.remove()
        before, sums, generation = (-1, -1), (0, 0), 0
        while before != sums:
            before, generation = sums, generation + 1
            current, sums = _round(current, Path(directory) / str(generation))
        for file in range(files):
            yield _smallest_neighbours(current, file)


def _round(current: "_EdgeFiles", path: Path) -> tuple["_EdgeFiles", tuple[int, int]]:
    """One large-star and one small-star. Returns the edges, and sums that tell whether they have changed."""
    stars = _EdgeFiles(path.with_suffix(".large"), current.count, current.rows)
    for file in range(current.count):
        nodes, smallest = _smallest_neighbours(current, file)
        for left, right in current.pieces(file):
            larger = right > left
            stars.add(right[larger], smallest[np.searchsorted(nodes, left[larger])])
    current.remove()
    result = _EdgeFiles(path, current.count, current.rows)
    edges, checksum = 0, 0
    for file in range(current.count):
        nodes, smallest = _smallest_neighbours(stars, file)
        ties = chain(
            [(nodes, smallest)], ((right, smallest[np.searchsorted(nodes, left)]) for left, right in stars.pieces(file))
        )
        for left, right in ties:
            apart = left != right
            edges += _add_both(result, left[apart], right[apart])
            checksum += int(
                (murmur_hash64(left[apart]) * (murmur_hash64(right[apart]) | np.uint64(1))).sum(dtype=np.uint64)
            )
    stars.remove()
    return result, (edges, checksum)


def _smallest_neighbours(files: "_EdgeFiles", file: int) -> Edges:
    """The nodes of a file, ascending, and the smallest of each one and its neighbours."""
    nodes, smallest = np.empty(0, np.uint64), np.empty(0, np.uint64)
    for left, right in files.pieces(file):
        nodes, smallest = np.concatenate([nodes, left]), np.concatenate([smallest, np.minimum(left, right)])
        order = np.lexsort([smallest, nodes])
        nodes, smallest = nodes[order], smallest[order]
        first = starts_run(nodes)
        nodes, smallest = nodes[first], smallest[first]
    return nodes, smallest


def _add_both(files: "_EdgeFiles", left: Nodes, right: Nodes) -> int:
    files.add(left, right)
    return files.add(right, left)


class _EdgeFiles:
    """Directed edges in `count` files by a hash of their first node, read back in pieces of `rows`."""

    def __init__(self, path: Path, count: int, rows: int) -> None:
        self.count, self.rows = count, rows
        self._files = [path.with_name(f"{path.name}-{file}").open("w+b", buffering=1 << 16) for file in range(count)]

    def add(self, left: Nodes, right: Nodes) -> int:
        """Add edges and return their number."""
        file_of = murmur_hash64(left) % np.uint64(self.count)
        order = np.argsort(file_of, kind="stable")
        edges = np.stack([left[order], right[order]], axis=1)
        ends = np.searchsorted(file_of[order], np.arange(self.count, dtype=np.uint64), side="right")
        for file, part in zip(self._files, np.split(edges, ends[:-1]), strict=True):
            file.write(part.tobytes())
        return len(left)

    def pieces(self, file: int) -> Iterator[Edges]:
        """The edges of a file, again from the start each time."""
        stream = self._files[file]
        stream.seek(0)
        while data := stream.read(16 * self.rows):
            edges = np.frombuffer(data, np.uint64).reshape(-1, 2)
            yield np.ascontiguousarray(edges[:, 0]), np.ascontiguousarray(edges[:, 1])

    def remove(self) -> None:
        """Close the files and delete them."""
        for file in self._files:
            file.close()
            Path(file.name).unlink()
