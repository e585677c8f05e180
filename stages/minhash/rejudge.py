"""What `minhash` would decide if other documents came to it: bounds, and what is likeliest.

Clusters are stored, similarities within them are not, and documents that the run never compared are taken to be unlike
one another (of those that share a band key only the first two are compared with all: `stages.minhash.candidates`). So
where documents leave, only the clusters that they were in can change: whoever is the best copy of what is left is kept,
and a document whose kept copy left may be kept in its place. Of a document that comes in it isn't known what it
resembles: it is dropped, or kept, perhaps in place of another one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.doc_id import NO_DOCUMENT, UInt64
from dspipe.pipeline.rejudging import Rejudged, RunDocuments
from dspipe.stages.shared.dedup.keep_policy import KeepPolicy

Bools = npt.NDArray[np.bool_]
Int64 = npt.NDArray[np.int64]


def rejudge(
    name: str, reasons: Sequence[str], policy: KeepPolicy, best_is_kept: bool, documents: RunDocuments
) -> Rejudged:
    """`reasons`: all that the stage drops for; `best_is_kept`: whether the policy's first always is."""
    codes, unsure = np.full(len(documents.enters), -1, np.int32), np.zeros(len(documents.enters), bool)
    for number, reason in enumerate(reasons):
        codes[documents.dropped_for(reason) & documents.enters] = number
    new, left = documents.enters & ~documents.entered, documents.entered & ~documents.enters
    open_clusters = _clusters_of(name, documents, documents.entered & documents.unsure)
    touched = np.union1d(_clusters_of(name, documents, left), open_clusters)
    remarks = []
    if len(touched):
        members = _members(name, documents, touched, policy)
        dropped, certain = _settle(members, codes[members.rows] >= 0, policy, best_is_kept, documents)
        freed = (codes[members.rows] >= 0) & ~dropped
        codes[members.rows[freed]] = -1
        unsure[members.rows] = ~certain | np.isin(members.clusters, open_clusters)
        guesses = int(unsure[members.rows].sum())
        if guesses:
            remarks.append(
                f"{len(touched):,} clusters of {name} lose members; which of the {guesses:,} other copies in them are "
                "kept then is a guess, for how alike they are isn't stored"
            )
    if new.any():
        unsure |= new
        n = int(new.sum())
        remarks.append(
            f"what {n:,} document{'s' * (n != 1)} that come{'s' * (n == 1)} to {name} resemble{'s' * (n == 1)} isn't "
            "known: each may be dropped there, or take the place of a kept one; the bounds hold as long as it is one "
            "at most"
        )
    return Rejudged(reasons, codes, unsure if unsure.any() else None, remarks)


class _Members(NamedTuple):
    """The documents of some clusters that still come: rows, their clusters, their kept copies (NO_DOCUMENT: none), and
    what the policy orders them by."""

    rows: Int64
    clusters: UInt64
    keepers: UInt64
    orders: Sequence[UInt64]


def _settle(
    members: _Members, dropped: Bools, policy: KeepPolicy, best_is_kept: bool, documents: RunDocuments
) -> tuple[Bools, Bools]:
    """(whether each is dropped, likeliest; whether that is certain)."""
    n = len(members.rows)
    numbers = documents.numbers()[members.rows]
    order = policy.sort([members.clusters], members.orders, numbers)
    first_of_cluster, sizes = _firsts(members.clusters, order)
    # of those that were dropped for one that left, the best takes its place
    orphans = dropped & ~np.isin(members.keepers, numbers)
    heirs, _ = _firsts(members.keepers, order[orphans[order]])
    dropped = dropped.copy()
    dropped[heirs] = policy.keeps_none
    certain = np.zeros(n, bool)
    alone = first_of_cluster[sizes == 1]
    best = first_of_cluster if best_is_kept else alone
    dropped[best], certain[best] = False, True
    return dropped, certain


def _firsts(groups: UInt64, order: Int64) -> tuple[Int64, Int64]:
    """(the first of each group in this order, the group's size)."""
    _, first, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    return order[first], sizes


def _clusters_of(name: str, documents: RunDocuments, chosen: Bools) -> UInt64:
    """The clusters that the chosen documents were in, ascending."""
    found = [np.empty(0, np.uint64)]
    if chosen.any():
        for first, batch in documents.read([f"{name}.cluster"]):
            here = batch.column(0).filter(pa.array(chosen[first : first + batch.num_rows]))
            found.append(here.drop_null().to_numpy())
    return np.unique(np.concatenate(found))


def _members(name: str, documents: RunDocuments, clusters: UInt64, policy: KeepPolicy) -> _Members:
    rows, batches = [], []
    columns = [f"{name}.cluster", f"{name}.keeper", *policy.columns()]
    wanted = pa.array(clusters)
    for first, batch in documents.read(list(dict.fromkeys(columns))):
        here = documents.enters[first : first + batch.num_rows] & documents.entered[first : first + batch.num_rows]
        hit = here & pc.is_in(batch.column(0), wanted).to_numpy(zero_copy_only=False)
        rows.append(first + np.flatnonzero(hit))
        batches.append(batch.filter(pa.array(hit)))
    table = pa.Table.from_batches(batches).combine_chunks()
    one = table.to_batches()[0] if table.num_rows else batches[0].slice(0, 0)
    keepers = one.column(1).fill_null(NO_DOCUMENT.item()).to_numpy(zero_copy_only=False)
    orders = list(policy.order(one).values())
    return _Members(np.concatenate(rows), one.column(0).to_numpy(zero_copy_only=False), keepers, orders)
