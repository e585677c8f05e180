"""The corpus as a bag of hashed n-grams, counted shard by shard."""

import numpy as np
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.importance import count_features
from dspipe.kernels.dedup.units import characters
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task


def count_shard(task: Task, stage: StageSettings) -> None:
    """Count how often each bucket of n-grams occurs in the shard's kept documents: int64[buckets], little endian."""
    counts = np.zeros(stage.settings["buckets"], np.int64)
    for batch in task.rows(["text", "reason"]):
        kept = batch.column("text").filter(pc.is_null(batch.column("reason")))
        count_features(*text_buffers(kept), characters(), counts)
        task.progress(documents=batch.num_rows, bytes=batch.nbytes)
    with task.make("features", ".bin") as file:
        file.write(counts.astype("<i8").tobytes())
