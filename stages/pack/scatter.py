"""Sending each copy of a document, with its tokens, to the partition of its order key."""

import numpy as np

from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.pack.drawn import DrawnDocuments, write_counts


def send_documents(task: Task, stage: StageSettings) -> None:
    """Send a shard's drawn documents: partitions have equal parts of the range of order keys."""
    documents, partitions = DrawnDocuments(task, stage.settings["remixed"]), np.uint64(task.partitions)
    for batch in documents.read():
        key = batch.column("key").to_numpy()
        task.emit(((key >> np.uint64(32)) * partitions >> np.uint64(32)).astype(np.int64), batch)
    write_counts(task, documents.counts)
