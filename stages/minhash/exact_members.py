"""The documents of each component brought together with the sets of their shingles: their texts are read once more."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.shingle_sets import set_hashes, shingle_sets
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import murmur_hash64, partition_of, record_batch
from dspipe.pipeline.tasks.records_by_row import RecordsByRow
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.minhash.members import LABELS
from dspipe.stages.shared.dedup.collapse import collapse_equal_rows
from dspipe.stages.shared.dedup.keep_policy import KeepPolicy

PIECE_BYTES = 4 << 20
"""text whose sets are made and sent at a time, and at most one document more: its sets take about twice that"""


def send_sets(task: Task, stage: StageSettings) -> None:
    """Send the set of each document of a component, with what decides whether it is kept, to the component's partition.

    Those of a batch whose sets are equal go as one record: they would all meet the same fate. Row groups without such
    documents aren't read. Settings: keep and sources (`KeepPolicy`); shingle, symbols.
    """
    if not task.received_bytes:
        return
    policy = KeepPolicy.of(stage.settings)
    labels = RecordsByRow(task, LABELS)
    columns = ["text", *dict.fromkeys(["dump", *policy.columns()])]
    for first, batch in task.rows_where(columns, lambda first, end: len(labels.between(first, end)) > 0):
        labelled = labels.between(first, first + batch.num_rows)
        rows, component = labelled.column("row").to_numpy(), labelled.column("component").to_numpy()
        text = batch.column("text")
        lengths = pc.fill_null(pc.binary_length(text), 0).to_numpy()[rows.astype(np.int64) - first]
        for piece in _pieces(lengths):
            members = rows[piece].astype(np.int64) - first
            sets = shingle_sets(*text_buffers(text), members, stage.settings["shingle"], stage.settings["symbols"])
            # those without shingles resemble nothing, each other least of all
            hashes = np.where(sets.sizes > 0, set_hashes(sets), rows[piece])
            others = batch.select(columns[1:]).take(pa.array(members))
            orders = policy.order(others)
            groups = [component[piece], hashes, sets.sizes.astype(np.uint64)]
            best, sent = collapse_equal_rows(policy, groups, orders, rows[piece])
            sent |= {name: pa.array(values[best]) for name, values in {"component": groups[0], **orders}.items()}
            sent["dump"] = others.column("dump").take(pa.array(best))
            lists = pa.ListArray.from_arrays(pa.array(sets.offsets.astype(np.int32)), pa.array(sets.hashes))
            sent["shingles"] = lists.take(pa.array(best))
            task.emit(partition_of(murmur_hash64(groups[0][best]), task.partitions), record_batch(sent))
            task.count("documents", len(members))
            task.count("bytes of text", int(lengths[piece].sum()))


def _pieces(lengths: npt.NDArray[np.integer]) -> Iterator[slice]:
    """Neighbouring texts of these lengths with PIECE_BYTES together, or one that has more."""
    ends = np.cumsum(lengths)
    start = 0
    while start < len(lengths):
        before = int(ends[start] - lengths[start])
        end = max(start + 1, int(np.searchsorted(ends, before + PIECE_BYTES, "right")))
        yield slice(start, end)
        start = end
