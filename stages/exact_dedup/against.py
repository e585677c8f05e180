"""Exact duplicates of what earlier runs have kept: hashes looked up in their kept indexes (`exact_dedup.index`)."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from dspipe.kernels.sorted_arrays import match_sorted
from dspipe.pipeline.doc_id import UInt32, UInt64
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import record_batch, slice_of, slices_that_fit
from dspipe.pipeline.tasks.spill import received_slices
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.exact_dedup.hashed_rows import send_hashes
from dspipe.stages.shared.dedup.kept_index import open_indexes

_SENT = 20
"""bytes sent of a hash: itself and a row"""
_HELD = 64
"""peak memory of a lookup, for each record"""


class Lookups(NamedTuple):
    """Hashes to look up, by their upper halves."""

    key: UInt64
    low: UInt64
    row: UInt32
    shard: UInt32


def send_lookups(task: Task, stage: StageSettings) -> None:
    """Send the hash of each document that is still kept. Settings: by, `text` or `url`."""
    send_hashes(task, stage)


def send_matches(task: Task, stage: StageSettings) -> None:
    """Send back the kept documents with the same hash. Settings: against (`IndexReference`s)."""
    indexes = open_indexes(stage.settings["against"])
    for lookups in _read_lookups(task):
        keys = np.unique(lookups.key)
        for run, index in enumerate(indexes):
            for table in index.lookup(keys):
                known, lookup = match_sorted(table.column("key").to_numpy(), lookups.key)
                same = lookups.low[lookup] == table.column("low").to_numpy()[known]
                known, lookup = known[same], lookup[same]
                records = {
                    "row": lookups.row[lookup],
                    "run": np.full(len(known), run, np.uint32),
                    "document": table.column("document").to_numpy()[known],
                    "id": table.column("id").combine_chunks().take(pa.array(known)),
                    "similarity": np.ones(len(known), np.float32),
                }
                task.emit(lookups.shard[lookup], record_batch(records))


def _read_lookups(task: Task) -> Iterator[Lookups]:
    """What was sent to a partition, in slices that fit the memory."""
    slices = slices_that_fit(task, _SENT, _HELD)
    for part in received_slices(task, slices, lambda batch: slice_of(batch.column("key").to_numpy(), slices)):
        pieces = [
            (*(batch[name].to_numpy() for name in ("key", "low", "row")), np.full(batch.num_rows, sender, np.uint32))
            for sender, batch in part
        ]
        if pieces:
            key, low, row, shard = (np.concatenate(values) for values in zip(*pieces, strict=True))
            order = np.argsort(key, kind="stable")
            yield Lookups(key[order], low[order], row[order], shard[order])
