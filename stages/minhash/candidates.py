"""Candidates: documents that share a band key, each paired with the first two that have it."""

import numpy as np

from dspipe.kernels.dedup.near_pairs import candidate_pairs, hot_in_window
from dspipe.kernels.sorted_arrays import unique_pairs
from dspipe.pipeline.doc_id import rows_of, shards_of
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.records import partition_of, record_batch
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.minhash.received_keys import read_keys
from dspipe.stages.minhash.windows import HOT_IN_WINDOW, read_windows

HOT = 1000
"""documents sent with one band key from which on the key is counted as hot"""


def send_keys(task: Task, stage: StageSettings) -> None:
    """Send the band keys of every document that is still kept and has a signature; of a hot key the first few.

    Settings: keys (`BandKeys`).
    """
    for rows, keys, _ in read_windows(task, stage):
        sent, members, _ = hot_in_window(keys, rows, HOT_IN_WINDOW)
        records = record_batch({"key": keys[sent], "row": np.repeat(rows, keys.shape[1]).reshape(keys.shape)[sent]})
        task.emit(partition_of(keys[sent], task.partitions), records)
        task.count("keys kept from the exchange", keys.size - len(records))
        task.count("pairs of hot keys", len(members))
        task.progress(documents=len(rows), bytes=0)


def pair_by_key(task: Task, stage: StageSettings) -> None:
    """Pair documents that share a key: send each one its representatives."""
    for keys, documents in read_keys(task):
        members, representatives, hot = candidate_pairs(keys, documents, HOT)
        # a representative is asked for its signature too
        once = np.unique(representatives)
        members, representatives = unique_pairs(
            np.concatenate([members, once]), np.concatenate([representatives, once])
        )
        task.emit(shards_of(members), record_batch({"row": rows_of(members), "representative": representatives}))
        task.count("keys", len(keys))
        task.count("pairs", len(members) - len(once))
        task.count("hot keys", hot)
