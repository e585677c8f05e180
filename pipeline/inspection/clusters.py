"""The largest clusters of a round of deduplication, with a few documents that were dropped and their kept copies.

A cluster's size stands at each of its documents, so one of the largest is among the largest of those seen from its
first document on: one pass finds them, whatever the number of clusters.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.draws import seeded_hashes
from dspipe.pipeline.inspection.document_table import NUMBER


@dataclass(frozen=True)
class Pair:
    """A document that was dropped, and the one that was kept in its place."""

    dropped: int
    """its number (`pipeline.doc_id`)"""
    kept: int
    similarity: float | None
    """as the stage has measured or estimated it"""


@dataclass(frozen=True)
class Cluster:
    """Documents that are copies of one another."""

    number: int
    """of its oldest document"""
    documents: int
    pairs: Sequence[Pair]
    """a few, drawn by the seed"""

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


class LargestClusters:
    """Collects the `most` largest clusters of the columns `<prefix>.cluster`, `.cluster_size`, `.keeper`,
    `.similarity`, with at most `pairs` of each."""

    def __init__(self, prefix: str, most: int = 100, pairs: int = 1, seed: int = 0) -> None:
        self.prefix, self._most, self._pairs, self._seed = prefix, most, pairs, seed
        self.columns = [f"{prefix}.{name}" for name in ("cluster", "cluster_size", "keeper", "similarity")]
        self.columns += [NUMBER, "origin"]
        self._sizes: dict[int, int] = {}
        self._members: dict[int, list[tuple[int, Pair]]] = {}
        """by cluster, each with its key of the draw"""

    def add(self, batch: pa.RecordBatch) -> None:
        """Look at some documents."""
        cluster, size, keeper, similarity = (batch.column(name) for name in self.columns[:4])
        chosen = self._grow(cluster, size)
        members = pc.and_(pc.is_in(cluster, pa.array(chosen, pa.uint64())), keeper.is_valid())
        rows = np.flatnonzero(pc.fill_null(members, False).to_numpy(zero_copy_only=False))
        if len(rows) == 0:
            return
        clusters = cluster.take(pa.array(rows)).to_numpy()
        numbers = batch.column(NUMBER).take(pa.array(rows))
        keys = seeded_hashes(batch.column("origin").take(pa.array(rows)), self._seed, "page")
        for row in _first_of_each(clusters, keys, self._pairs).tolist():
            place = int(rows[row])
            pair = Pair(numbers[row].as_py(), keeper[place].as_py(), similarity[place].as_py())
            of_it = self._members.setdefault(int(clusters[row]), [])
            of_it.append((int(keys[row]), pair))
            of_it.sort(key=lambda entry: entry[0])
            del of_it[self._pairs :]

    def found(self) -> list[Cluster]:
        """The clusters, the largest first."""
        ordered = sorted(self._sizes, key=lambda number: (-self._sizes[number], number))
        return [
            Cluster(number, self._sizes[number], [pair for _, pair in self._members.get(number, [])])
            for number in ordered
        ]

    def _grow(self, cluster: pa.Array, size: pa.Array) -> list[int]:
        """Which clusters are the largest so far, with those of these documents."""
        known = pc.and_(cluster.is_valid(), size.is_valid())
        numbers, first = np.unique(cluster.filter(known).to_numpy(), return_index=True)
        sizes = size.filter(known).to_numpy()[first]
        largest = np.lexsort((numbers, -sizes.astype(np.int64)))[: self._most]
        for at in largest.tolist():
            self._sizes[int(numbers[at])] = int(sizes[at])
        for number in sorted(self._sizes, key=lambda number: (-self._sizes[number], number))[self._most :]:
            del self._sizes[number]
            self._members.pop(number, None)
        return list(self._sizes)


def _first_of_each(clusters: npt.NDArray[np.uint64], keys: npt.NDArray[np.uint64], each: int) -> npt.NDArray[np.int64]:
    """The rows with the smallest keys of each cluster."""
    order = np.lexsort((keys, clusters))
    starts = np.concatenate([[True], clusters[order][1:] != clusters[order][:-1]])
    first = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    found: npt.NDArray[np.int64] = order[np.arange(len(order)) - first < each]
    return found
