"""The steps that weigh documents by their likeness to a target (`stages.remix.dsir`)."""

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.importance import count_features, sum_features
from dspipe.kernels.dedup.units import characters
from dspipe.kernels.hashing import hash_strings
from dspipe.pipeline.stage import ConfigError
from dspipe.stages.remix.dsir import SCALE, importance_places, log_ratios, target_counts, target_files
from dspipe.stages.remix.settings import PLACE, Importance
from dspipe.tokenizer.text_files import TextFileError

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task


def count_shard(task: "Task", importance: Importance) -> None:
    """How often each bucket of n-grams occurs in the shard's kept documents."""
    counts = np.zeros(importance.buckets, np.int64)
    for batch in task.rows(["text", "reason"]):
        kept = batch.column("text").filter(pc.is_null(batch.column("reason")))
        count_features(*text_buffers(kept), characters(), counts)
        task.progress(documents=batch.num_rows, bytes=batch.nbytes)
    with task.make("features", ".bin") as file:
        file.write(counts.astype("<i8").tobytes())


def compare_with_target(task: "Task", importance: Importance) -> None:
    """How much more often each bucket occurs in the target than in the corpus. Raises ConfigError for a bad target."""
    corpus = np.zeros(importance.buckets, np.int64)
    for artifact in task.artifact("features"):
        corpus += np.frombuffer(artifact.read(), "<i8")
    try:
        target = target_counts(target_files(importance.patterns), len(corpus))
    except (TextFileError, OSError) as error:
        raise ConfigError(str(error), ("importance", "target")) from None
    if not target.any():
        raise ConfigError("the examples of the target hold no words", ("importance", "target"))
    with task.make("ratios", ".bin") as file:
        file.write(log_ratios(target, corpus).astype("<i8").tobytes())


def place_shard(task: "Task") -> None:
    """Each document's log weight, and the place on its domain's axis that comes of it."""
    ratios = np.frombuffer(task.artifact("ratios")[0].read(), "<i8").astype(np.int64)
    for batch in task.rows(["id", "text", "reason"]):
        weights = sum_features(*text_buffers(batch.column("text")), characters(), ratios)
        hashes = hash_strings(*text_buffers(batch.column("id")), np.uint64(task.seed & (1 << 64) - 1))
        columns = [pa.array(importance_places(hashes, weights)), pa.array(weights / SCALE)]
        task.write(pa.RecordBatch.from_arrays(columns, names=[PLACE, "remix.log_weight"]))
        task.progress(documents=batch.num_rows, bytes=batch.nbytes)
