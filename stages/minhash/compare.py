"""Candidates compared: those of them are near-duplicates whose signatures agree."""

import numpy as np
import pyarrow as pa

from dspipe.kernels.dedup.near_pairs import agreements, hot_in_window, may_be_contained
from dspipe.kernels.sorted_arrays import unique_pairs
from dspipe.pipeline.doc_id import doc_ids
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import murmur_hash64, partition_of, read_partition, record_batch
from dspipe.pipeline.tasks.records_by_row import RecordsByRow
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.minhash.edges import send_edges
from dspipe.stages.minhash.signatures import signature_array
from dspipe.stages.minhash.windows import HOT_IN_WINDOW, read_windows

_CANDIDATES = pa.schema({"row": pa.uint32(), "representative": pa.uint64()})


def send_signatures(task: Task, stage: StageSettings) -> None:
    """Send the signature of each candidate to the partitions of its representatives. Settings: keys (`BandKeys`)."""
    candidates = RecordsByRow(task, _CANDIDATES)
    for rows, keys, signed in read_windows(task, stage):
        _, hot, hot_for = hot_in_window(keys, rows, HOT_IN_WINDOW)
        received = candidates.between(int(rows[0]), int(rows[-1]) + 1)
        once = np.unique(hot_for)
        members, representatives = unique_pairs(
            np.concatenate([received.column("row").to_numpy(), hot, once]),
            np.concatenate(
                [
                    received.column("representative").to_numpy(),
                    doc_ids(task.shard, hot_for),
                    doc_ids(task.shard, once),
                ]
            ),
        )
        signature = signature_array(signed[np.searchsorted(rows, members)])
        records = {"row": members.astype(np.uint32), "representative": representatives, "signature": signature}
        task.emit(partition_of(murmur_hash64(representatives), task.partitions), record_batch(records))


def compare_pairs(task: Task, stage: StageSettings) -> None:
    """Send on the pairs whose signatures agree.

    Settings: min_agreement, numbers of a signature that must; containment and deviations (`may_be_contained`), null
    where pairs of which one is inside the other aren't looked for.
    """
    containment = stage.settings["containment"]
    for records in read_partition(task, "representative", "signature"):
        representatives = records.numbers("representative")
        own = np.flatnonzero(representatives == records.documents)
        own = own[np.argsort(representatives[own])]
        pairs = np.flatnonzero(representatives != records.documents)
        right = own[np.searchsorted(representatives[own], representatives[pairs])]
        alike = agreements(records.signatures, pairs, right) >= stage.settings["min_agreement"]
        if containment is not None:
            alike |= may_be_contained(records.signatures, pairs, right, containment, stage.settings["deviations"])
        task.count("compared", len(pairs))
        task.count("alike", int(alike.sum()))
        pairs = pairs[alike]
        send_edges(task, records.documents[pairs], representatives[pairs])
