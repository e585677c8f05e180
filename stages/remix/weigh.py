"""The weight of each document by its likeness to a target, and the position among its domain's that comes of it."""

import numpy as np
import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.importance import sum_features
from dspipe.kernels.dedup.units import characters
from dspipe.pipeline.draws import seeded_hashes
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.remix.dsir import SCALE, importance_positions
from dspipe.stages.remix.settings import LOG_WEIGHT, POSITION


def weigh_documents(task: Task, stage: StageSettings) -> None:
    """Write the log weight and the position of every document of the shard."""
    ratios = np.frombuffer(task.artifact("ratios")[0].read(), "<i8").astype(np.int64)
    for batch in task.rows(["origin", "text", "reason"]):
        weights = sum_features(*text_buffers(batch.column("text")), characters(), ratios)
        hashes = seeded_hashes(batch.column("origin"), stage.seed)
        columns = [pa.array(importance_positions(hashes, weights)), pa.array(weights / SCALE)]
        task.write(pa.RecordBatch.from_arrays(columns, names=[POSITION, LOG_WEIGHT]))
        task.progress(documents=batch.num_rows, bytes=batch.nbytes)
