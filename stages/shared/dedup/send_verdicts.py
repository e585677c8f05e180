"""What a partition has decided goes back to the shards: a verdict for each document of a cluster.

Apart from `verdicts`, which writes them: an edit there must not choose all kept copies anew.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.sorted_arrays import expand_ranges, starts_run
from dspipe.pipeline.doc_id import UInt64, doc_ids_at, shards_of
from dspipe.pipeline.tasks.records import Received
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.shared.dedup.collapse import documents_of_records

Positions = npt.NDArray[np.int64]

DUMPS = 100
"""dumps listed with a kept copy"""
_SENT_AT_A_TIME = 1 << 16
"""verdicts, and at most one record's copies more"""


def send_verdicts(
    task: Task,
    received: Received,
    order: Positions,
    clusters: Positions,
    keepers: Positions,
    similarity: npt.NDArray[np.float32],
    reasons: npt.NDArray[np.uint8] | None = None,
    keep_none: bool = False,
) -> None:
    """Send each document of the clusters its verdict.

    Cluster i is order[clusters[i]:clusters[i + 1]], positions among the received records (those of
    `collapse_equal_rows`, with a column `dump`). Keepers, similarity and reasons are given for each record: the
    position of its kept copy (its own when kept), the likeness to it, and which of the round's reasons it is dropped
    for (the first, if nothing is said). The copies of a record share its verdict, or are dropped for it. With
    `keep_none` kept copies are dropped too, each for the first of its duplicates.
    """
    if len(order) == 0:
        return
    weights = documents_of_records(received.columns)[order]
    sizes = np.add.reduceat(weights, clusters[:-1])
    first = doc_ids_at(shards_of(received.documents[order]), received.numbers("first")[order])
    oldest = np.minimum.reduceat(first, clusters[:-1])
    cluster = np.repeat(np.arange(len(sizes)), np.diff(clusters))
    counts = np.bincount(keepers[order], weights, len(received)).astype(np.int64) - 1
    copies = (keepers[order] == order) & (counts[order] > 0)
    keeper_documents = received.documents[keepers]
    if reasons is None:
        reasons = np.zeros(len(received), np.uint8)
    if keep_none:
        keeper_documents, similarity = _first_duplicates(received, order, keepers, similarity)
        gone, copies = copies, np.zeros_like(copies)
    else:
        gone = np.zeros_like(copies)
    dumps = _dumps(received, order, keepers, copies)
    best_rows, lists = received.numbers("row"), received.columns.column("copies").combine_chunks()
    ends = np.cumsum(weights)
    start = 0
    while start < len(order):
        end = max(start + 1, int(np.searchsorted(ends, ends[start] + _SENT_AT_A_TIME)))
        # every record once for itself and once for each of its copies
        position = np.repeat(np.arange(start, end), weights[start:end])
        itself = starts_run(position)
        rows = np.empty(len(position), np.uint32)
        rows[itself] = best_rows[order[start:end]]
        rows[~itself] = lists.take(pa.array(order[start:end])).flatten().to_numpy()
        record = order[position]
        own_copy = ~itself & (keepers[record] == record)
        dropped = ~itself | (keepers[record] != record) | gone[position]
        alike = np.where(own_copy, np.float32(1), similarity[record])
        copy = itself & copies[position]
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array(rows),
                pa.array(np.where(own_copy, received.documents[record], keeper_documents[record]), mask=~dropped),
                pa.array(oldest[cluster[position]]),
                pa.array(sizes[cluster[position]].astype(np.uint32)),
                pa.array(alike, mask=~dropped),
                pa.array(counts[record].astype(np.uint32), mask=~copy),
                dumps.take(pa.array(position, mask=~copy)),
                pa.array(reasons[record], mask=~dropped),
            ],
            names=["row", "keeper", "cluster", "cluster_size", "similarity", "duplicates", "dumps", "reason"],
        )
        task.emit(shards_of(received.documents[record]), batch)
        start = end


def _first_duplicates(
    received: Received, order: Positions, keepers: Positions, similarity: npt.NDArray[np.float32]
) -> tuple[UInt64, npt.NDArray[np.float32]]:
    """For each record its kept copy's document, and of a kept copy that of its first duplicate; and the likeness."""
    documents, similarity = received.documents[keepers], similarity.copy()
    others = order[(keepers[order] != order) & (keepers[keepers[order]] == keepers[order])]
    copies, first = np.unique(keepers[others], return_index=True)
    documents[copies], similarity[copies] = received.documents[others[first]], similarity[others[first]]
    lists = received.columns.column("copies").combine_chunks()
    lengths = documents_of_records(received.columns) - 1
    repeated = np.flatnonzero((lengths > 0) & (keepers == np.arange(len(keepers))))
    rows = lists.flatten().to_numpy()[(np.cumsum(lengths) - lengths)[repeated]]
    documents[repeated], similarity[repeated] = doc_ids_at(shards_of(received.documents[repeated]), rows), 1
    return documents, similarity


def _dumps(received: Received, order: Positions, keepers: Positions, copies: npt.NDArray[np.bool_]) -> pa.Array:
    """Per position of `order` the sorted dumps of a kept copy and its duplicates; null for other documents."""
    encoded = received.columns.column("dump").combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    pairs = np.unique(np.stack([keepers[order], codes[order].astype(np.int64)]), axis=1)
    pairs = pairs[:, pairs[1] >= 0]
    rank = np.empty(len(names), np.int64)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    pairs = pairs[:, np.lexsort([rank[pairs[1]], pairs[0]])]
    starts = np.searchsorted(pairs[0], order)
    lengths = np.minimum(np.searchsorted(pairs[0], order, "right") - starts, DUMPS)
    lengths[~copies] = 0
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    values = pa.array(names, pa.string()).take(pa.array(pairs[1][expand_ranges(starts, lengths)]))
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(~copies))
