"""Near-duplicates as pairs: documents that share a band key, then those of them whose signatures agree."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dspipe.kernels.dedup.near_pairs import agreements, candidate_pairs, hot_in_window
from dspipe.pipeline.storage.records import key_slices, mixed, received, record_batch, spread
from dspipe.pipeline.storage.records_by_row import RecordsByRow
from dspipe.stages.minhash.components_by_partition import send_edges
from dspipe.stages.minhash.settings import Banding
from dspipe.stages.minhash.signatures import signature_column, unique_pairs, windows
from dspipe.stages.shared.dedup.scope import Scope

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

HOT = 1000
"""documents sent with one band key from which on the key is counted as hot"""
HOT_IN_WINDOW = 16
"""of a key shared by more documents than this in a window of a shard, the others are paired within the window and not
sent: what a partition receives of one key is bounded, and a page that is everywhere overwhelms no worker"""


def send_keys(task: "Task", column: str, banding: Banding, scope: Scope) -> None:
    """Send the band keys of every document that is still kept and has a signature; of a hot key the first few."""
    for rows, keys, _ in windows(task, column, banding.cut, scope):
        sent, members, _ = hot_in_window(keys, rows, HOT_IN_WINDOW)
        records = record_batch({"key": keys[sent], "row": np.repeat(rows, keys.shape[1]).reshape(keys.shape)[sent]})
        task.emit(spread(keys[sent], task.partitions), records)
        task.count("keys kept from the exchange", keys.size - len(records))
        task.count("pairs of hot keys", len(members))
        task.progress(documents=len(rows), bytes=0)


def pair_by_key(task: "Task") -> None:
    """Pair documents that share a key."""
    for keys, documents in key_slices(task):
        members, representatives, hot = candidate_pairs(keys, documents, HOT)
        # a representative is asked for its signature too
        once = np.unique(representatives)
        members, representatives = unique_pairs(
            np.concatenate([members, once]), np.concatenate([representatives, once])
        )
        shards = (members >> np.uint64(32)).astype(np.int64)
        rows = (members & np.uint64(0xFFFFFFFF)).astype(np.uint32)
        task.emit(shards, record_batch({"row": rows, "representative": representatives}))
        task.count("keys", len(keys))
        task.count("pairs", len(members) - len(once))
        task.count("hot keys", hot)


def send_pairs(task: "Task", column: str, banding: Banding, scope: Scope) -> None:
    """Send the signatures that are asked for to their representatives' partitions."""
    asked = RecordsByRow(task, pa.schema({"row": pa.uint32(), "representative": pa.uint64()}))
    shard = np.uint64((task.shard or 0) << 32)
    for rows, keys, signed in windows(task, column, banding.cut, scope):
        _, hot, hot_for = hot_in_window(keys, rows, HOT_IN_WINDOW)
        table = asked.between(int(rows[0]), int(rows[-1]) + 1)
        once = np.unique(hot_for)
        members, representatives = unique_pairs(
            np.concatenate([table.column("row").to_numpy(), hot, once]),
            np.concatenate(
                [
                    table.column("representative").to_numpy(),
                    shard | hot_for.astype(np.uint64),
                    shard | once.astype(np.uint64),
                ]
            ),
        )
        records = pa.RecordBatch.from_arrays(
            [
                pa.array(members.astype(np.uint32)),
                pa.array(representatives),
                signature_column(signed[np.searchsorted(rows, members)]),
            ],
            names=["row", "representative", "signature"],
        )
        task.emit(spread(mixed(representatives), task.partitions), records)


def compare_pairs(task: "Task", least: int) -> None:
    """Send on the pairs whose signatures agree."""
    for records in received(task, "representative", "signature"):
        representatives = records.numbers("representative")
        own = np.flatnonzero(representatives == records.documents)
        own = own[np.argsort(representatives[own])]
        pairs = np.flatnonzero(representatives != records.documents)
        right = own[np.searchsorted(representatives[own], representatives[pairs])]
        alike = agreements(records.signed, pairs, right) >= least
        task.count("compared", len(pairs))
        task.count("alike", int(alike.sum()))
        pairs = pairs[alike]
        send_edges(task, records.documents[pairs], representatives[pairs])
