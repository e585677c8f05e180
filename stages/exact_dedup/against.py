"""Exact duplicates of what earlier runs have kept: hashes looked up in their kept indexes.

An index has `key` (the upper half of the hash), `low` (the lower), `document` and `id`.
"""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dspipe.pipeline.storage.records import record_batch, slice_of
from dspipe.pipeline.storage.spill import received_slices
from dspipe.stages.shared.dedup.kept_index import KeptIndex

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

_SENT = 20
"""bytes sent of a hash: itself and a row"""
_BYTES = 64
"""peak memory of a lookup, for each record"""


def answer_hashes(task: "Task", indexes: list[KeptIndex]) -> None:
    """Send back the kept documents with the same hash."""
    slices = -(-task.received_bytes // _SENT * _BYTES * 4 // task.memory)
    for part in received_slices(task, slices, lambda batch: slice_of(batch.column("key").to_numpy(), slices)):
        pieces = [
            (
                batch.column("key").to_numpy(),
                batch.column("low").to_numpy(),
                batch.column("row").to_numpy(),
                np.full(batch.num_rows, sender, np.int64),
            )
            for sender, batch in part
        ]
        if not pieces:
            continue
        key, low, row, shard = (np.concatenate(values) for values in zip(*pieces, strict=True))
        wanted = np.unique(key)
        order = np.argsort(key, kind="stable")
        key, low, row, shard = key[order], low[order], row[order], shard[order]
        for run, index in enumerate(indexes):
            for table in index.lookup(wanted):
                known, known_low = table.column("key").to_numpy(), table.column("low").to_numpy()
                starts = np.searchsorted(key, known)
                counts = np.searchsorted(key, known, "right") - starts
                found = np.repeat(np.arange(len(known)), counts)
                asker = np.arange(len(found)) + np.repeat(starts - (np.cumsum(counts) - counts), counts)
                same = low[asker] == known_low[found]
                asker, found = asker[same], found[same]
                records = record_batch(
                    {
                        "row": row[asker],
                        "run": np.full(len(found), run, np.uint32),
                        "document": table.column("document").to_numpy()[found],
                        "id": table.column("id").combine_chunks().take(pa.array(found)),
                        "similarity": np.ones(len(found), np.float32),
                    }
                )
                task.emit(shard[asker], records)
