"""The band keys that a partition has received."""

from collections.abc import Iterator

import numpy as np

from dspipe.pipeline.doc_id import UInt64, doc_ids
from dspipe.pipeline.tasks.records import slice_of, slices_that_fit
from dspipe.pipeline.tasks.spill import received_slices
from dspipe.pipeline.tasks.task import Task

KEY_SENT = 12
"""bytes sent of a key: itself and a row"""
KEY_HELD = 64
"""peak memory of grouping, for each record (two copies of key and document, candidate pairs)"""


def read_keys(task: Task) -> Iterator[tuple[UInt64, UInt64]]:
    """The records (key, row) sent to this task, as keys and document numbers, documents ascending.

    All of a key's records are in one slice. There are as many slices as it takes for one of them to use a quarter of
    the memory: how many documents a byte of input holds isn't known when partitions are planned.
    """
    slices = slices_that_fit(task, KEY_SENT, KEY_HELD)
    for part in received_slices(task, slices, lambda batch: slice_of(batch.column("key").to_numpy(), slices)):
        pieces = [(np.empty(0, np.uint64), np.empty(0, np.uint64))]
        pieces += ((batch["key"].to_numpy(), doc_ids(sender, batch["row"].to_numpy())) for sender, batch in part)
        keys, documents = (np.concatenate(values) for values in zip(*pieces, strict=True))
        pieces.clear()
        yield keys, documents
