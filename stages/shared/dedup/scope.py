"""Whether copies in different dumps count: everywhere, within each dump, or across dumps in large clusters alone.

FineWeb (Penedo et al. 2024, section 3.4) found that removing every duplicate across dumps leaves the worse part of the
older ones, while most of what deduplication gains lies in clusters that every dump has: so within each dump everything
is removed, and across dumps what is in a cluster of many.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.sorted_arrays import run_bounds
from dspipe.pipeline.doc_id import UInt64
from dspipe.pipeline.stage import Settings
from dspipe.pipeline.tasks.records import Received
from dspipe.stages.shared.dedup.collapse import documents_of_records
from dspipe.stages.shared.dedup.keep_policy import KeepPolicy

Positions = npt.NDArray[np.int64]


class Clusters(NamedTuple):
    """Records of a partition in the order of their clusters, within these of their groups, the best copy first.

    Cluster i is order[clusters[i]:clusters[i + 1]]. It is one group or several, cut at `groups`; only documents of one
    group may be dropped for each other.
    """

    order: Positions
    """positions among the records"""
    clusters: Positions
    groups: Positions


@dataclass(frozen=True)
class Scope:
    """Which documents of a cluster may be dropped for each other."""

    per_dump: bool
    """only those of one dump"""
    min_cluster: int | None
    """but in clusters of at least so many documents all; None: never"""

    @staticmethod
    def of(settings: Settings) -> "Scope":
        """What a phase's settings `scope` and `min_cluster` say."""
        return Scope(settings["scope"] == "per_dump", settings["min_cluster"])

    @property
    def across_dumps(self) -> bool:
        """Whether documents of different dumps are compared at all."""
        return not self.per_dump or self.min_cluster is not None

    def group(
        self, policy: KeepPolicy, records: Received, cluster: Sequence[UInt64], orders: Sequence[UInt64]
    ) -> Clusters:
        """Group records whose numbers in `cluster` are equal; `orders` are those of the policy."""
        if not self.per_dump:
            order = policy.sort(cluster, orders, records.documents)
            bounds = _bounds(cluster, order)
            return Clusters(order, bounds, bounds)
        dump = _codes(records.columns.column("dump"))
        if self.min_cluster is None:
            by_dump = [*cluster, dump]
            order = policy.sort(by_dump, orders, records.documents)
            bounds = _bounds(by_dump, order)
            return Clusters(order, bounds, bounds)
        order = np.lexsort(list(reversed(cluster)))
        bounds = _bounds(cluster, order)
        sizes = np.add.reduceat(documents_of_records(records.columns)[order], bounds[:-1])
        apart = np.empty_like(dump)
        apart[order] = np.where(np.repeat(sizes >= self.min_cluster, np.diff(bounds)), 0, dump[order])
        order = policy.sort([*cluster, apart], orders, records.documents)
        return Clusters(order, bounds, _bounds([*cluster, apart], order))


def _codes(dumps: pa.ChunkedArray) -> UInt64:
    """A number of each dump, from 2; 1 where there is none."""
    indices = dumps.combine_chunks().dictionary_encode().indices
    codes: UInt64 = indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64).astype(np.uint64)
    return codes + np.uint64(2)


def _bounds(values: Sequence[UInt64], order: Positions) -> Positions:
    return run_bounds(*(column[order] for column in values))
