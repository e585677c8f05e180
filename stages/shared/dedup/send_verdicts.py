"""What a partition has decided goes back to the shards: a verdict for each document of a cluster.

Apart from `verdicts`, which writes them: an edit there must not choose all kept copies anew.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.sorted_arrays import expand_ranges, starts_run
from dspipe.pipeline.doc_id import doc_ids_at, shards_of
from dspipe.pipeline.storage.records import Received
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
) -> None:
    """Send each document of the clusters its verdict.

    Cluster i is order[clusters[i]:clusters[i + 1]], positions among the received records (those of
    `collapse_equal_rows`, with a column `dump`). Keepers and similarity are given for each record: the position of its
    kept copy (its own when kept), and the likeness to it. The copies of a record share its verdict, or are dropped for
    it.
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
        dropped = ~itself | (keepers[record] != record)
        alike = np.where(keepers[record] != record, similarity[record], np.float32(1))
        copy = itself & copies[position]
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array(rows),
                pa.array(received.documents[keepers[record]], mask=~dropped),
                pa.array(oldest[cluster[position]]),
                pa.array(sizes[cluster[position]].astype(np.uint32)),
                pa.array(alike, mask=~dropped),
                pa.array(counts[record].astype(np.uint32), mask=~copy),
                dumps.take(pa.array(position, mask=~copy)),
            ],
            names=["row", "keeper", "cluster", "cluster_size", "similarity", "duplicates", "dumps"],
        )
        task.emit(shards_of(received.documents[record]), batch)
        start = end


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
