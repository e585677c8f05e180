"""What a partition has decided goes back to the shards: a verdict for each document of a cluster."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from dspipe.pipeline.storage.records import Received
    from dspipe.pipeline.tasks.task import Task

DUMPS = 100
"""dumps listed with a kept copy"""
_SENT = 1 << 16
"""verdicts sent at a time, and at most one record's copies more"""


def send_verdicts(
    task: "Task",
    received: "Received",
    order: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    keepers: npt.NDArray[np.int64],
    similarity: npt.NDArray[np.float32],
) -> None:
    """Send each document of the clusters its verdict.

    Cluster g is order[groups[g]:groups[g + 1]], places among the received records (those of `combined`, with a column
    `dump`); keepers and similarity are given for each record: the place of its kept copy (its own when kept), and the
    likeness to it. The copies of a record share its verdict, or are dropped for it.
    """
    if len(order) == 0:
        return
    weights = received.weights[order]
    sizes = np.add.reduceat(weights, groups[:-1])
    shard = received.documents[order] & ~np.uint64(0xFFFFFFFF)
    oldest = np.minimum.reduceat(shard | received.numbers("first")[order].astype(np.uint64), groups[:-1])
    cluster = np.repeat(np.arange(len(sizes)), np.diff(groups))
    counts = np.bincount(keepers[order], weights, len(received)).astype(np.int64) - 1
    copies = (keepers[order] == order) & (counts[order] > 0)
    dumps = _dumps(received, order, keepers, copies)
    best_rows, lists = received.numbers("row"), received.columns.column("copies").combine_chunks()
    ends = np.cumsum(weights)
    start = 0
    while start < len(order):
        end = max(start + 1, int(np.searchsorted(ends, ends[start] + _SENT)))
        # every record once for itself and once for each of its copies
        place = np.repeat(np.arange(start, end), weights[start:end])
        first = np.ones(len(place), bool)
        first[1:] = place[1:] != place[:-1]
        rows = np.empty(len(place), np.uint32)
        rows[first] = best_rows[order[start:end]]
        rows[~first] = lists.take(pa.array(order[start:end])).flatten().to_numpy()
        record = order[place]
        dropped = ~first | (keepers[record] != record)
        alike = np.where(keepers[record] != record, similarity[record], np.float32(1))
        copy = first & copies[place]
        batch = pa.RecordBatch.from_arrays(
            [
                pa.array(rows),
                pa.array(received.documents[keepers[record]], mask=~dropped),
                pa.array(oldest[cluster[place]]),
                pa.array(sizes[cluster[place]].astype(np.uint32)),
                pa.array(alike, mask=~dropped),
                pa.array(counts[record].astype(np.uint32), mask=~copy),
                dumps.take(pa.array(place, mask=~copy)),
            ],
            names=["row", "keeper", "cluster", "cluster_size", "similarity", "duplicates", "dumps"],
        )
        task.emit((received.documents[record] >> np.uint64(32)).astype(np.int64), batch)
        start = end


def _dumps(
    received: "Received",
    order: npt.NDArray[np.int64],
    keepers: npt.NDArray[np.int64],
    copies: npt.NDArray[np.bool_],
) -> pa.Array:
    """Per place of `order` the sorted dumps of a kept copy and its duplicates; null for other documents."""
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
    places = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
    values = pa.array(names, pa.string()).take(pa.array(pairs[1][places]))
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=pa.array(~copies))
