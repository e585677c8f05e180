"""Whether copies in different dumps count: everywhere, within each dump, or across dumps in large clusters alone.

FineWeb (Penedo et al. 2024, section 3.4) found that removing every duplicate across dumps leaves the worse part of the
older ones, while most of what deduplication gains lies in clusters that every dump has: so within each dump everything
goes, and across dumps what is in a cluster of many.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.text_hash import text_hashes
from dspipe.stages.shared.dedup.keep_policy import KeepConfig, KeepPolicy

if TYPE_CHECKING:
    from dspipe.pipeline.storage.records import Numbers, Received

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Scope:
    """What a config says of it."""

    per_dump: bool
    """whether a dump's documents are compared among themselves"""
    min_cluster: int | None
    """across dumps only in clusters of at least so many documents; None: never"""

    @staticmethod
    def of(config: KeepConfig) -> "Scope":
        """The scope of a stage's settings."""
        return Scope(config.scope == "per_dump", config.min_cluster)

    @property
    def across(self) -> bool:
        """Whether documents of different dumps are compared at all."""
        return not self.per_dump or self.min_cluster is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """The row columns that keys depend on."""
        return ("dump",) if self.per_dump else ()

    def keys(self, keys: "Numbers", dumps: pa.Array | None) -> "Numbers":
        """Keys of documents, uint64[documents, n]: those of different dumps made different, beside as they are or not.

        Both are needed for large clusters alone: what is alike in a dump meets there whoever came first in the others.
        """
        if not self.per_dump or dumps is None:
            return keys
        own = keys ^ text_hashes(*text_buffers(dumps.cast(pa.large_string())))[:, :1]
        return np.concatenate([own, keys], axis=1) if self.across else own

    def ordered(
        self,
        policy: KeepPolicy,
        records: "Received",
        cluster: "Sequence[Numbers]",
        orders: "Sequence[Numbers]",
    ) -> tuple[Places, Places, Places]:
        """Records by cluster, within it by what may be dropped for each other, the best copy first.

        `cluster` are the numbers that are equal in a cluster. Returns (order, bounds of clusters, bounds of groups):
        cluster i is order[clusters[i]:clusters[i + 1]], and it is one group or several.
        """
        if not self.per_dump:
            order = policy.sort(cluster, orders, records.documents)
            clusters = _bounds(cluster, order)
            return order, clusters, clusters
        dump = _codes(records.columns.column("dump"))
        if self.min_cluster is None:
            by_dump = [*cluster, dump]
            order = policy.sort(by_dump, orders, records.documents)
            clusters = _bounds(by_dump, order)
            return order, clusters, clusters
        order = np.lexsort(list(reversed(cluster)))
        clusters = _bounds(cluster, order)
        sizes = np.add.reduceat(records.weights[order], clusters[:-1])
        apart = np.empty_like(dump)
        apart[order] = np.where(np.repeat(sizes >= self.min_cluster, np.diff(clusters)), 0, dump[order])
        order = policy.sort([*cluster, apart], orders, records.documents)
        return order, clusters, _bounds([*cluster, apart], order)


EVERYWHERE = Scope(False, None)


def _codes(dumps: pa.ChunkedArray) -> "Numbers":
    """A number of each dump, from 2; 1 where there is none."""
    indices = dumps.combine_chunks().dictionary_encode().indices
    codes: Numbers = indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64).astype(np.uint64)
    return codes + np.uint64(2)


def _bounds(values: "Sequence[Numbers]", order: Places) -> Places:
    """Where runs of equal values begin among the places in `order`, and their end."""
    begins = np.ones(len(order), bool)
    begins[1:] = np.any([each[order][1:] != each[order][:-1] for each in values], axis=0)
    return np.append(np.flatnonzero(begins), len(order))
