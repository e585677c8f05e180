"""Pairs of near-duplicates as the edges of a graph: records (node, other), nodes being numbers of documents."""

import numpy as np

from dspipe.pipeline.doc_id import UInt64
from dspipe.pipeline.tasks.records import murmur_hash64, partition_of, record_batch
from dspipe.pipeline.tasks.task import Task


def send_edges(task: Task, left: UInt64, right: UInt64) -> None:
    """Send each edge to its larger node's partition."""
    send_to_node(task, np.maximum(left, right), np.minimum(left, right))


def send_to_node(task: Task, node: UInt64, other: UInt64) -> None:
    """Send each edge to the partition of `node`."""
    task.emit(partition_of(murmur_hash64(node), task.partitions), record_batch({"node": node, "other": other}))
