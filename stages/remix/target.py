"""The examples of a target, and how much more often each bucket of n-grams occurs in them than in the corpus."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.importance import count_features
from dspipe.kernels.dedup.units import characters
from dspipe.pipeline.errors import ConfigError, UnfitSettingError
from dspipe.pipeline.stage import StageSettings
from dspipe.pipeline.tasks.task import Task
from dspipe.stages.remix.dsir import log_ratios
from dspipe.stages.remix.target_files import find_files
from dspipe.stages.shared.artifacts import read_artifacts
from dspipe.tokenizer.text_files import TextFileError, batch_documents, read_documents


def compare_with_target(task: Task, stage: StageSettings) -> None:
    """Make the artifact `ratios`, int64[buckets] (`log_ratios`). Raises ConfigError for a target that can't be read.

    Settings: target (patterns), sha256 (of its files, so that the task is done again when they have changed), buckets.
    """
    corpus = np.zeros(stage.settings["buckets"], np.int64)
    for _, counts in read_artifacts(task, "features"):
        corpus += np.frombuffer(counts, "<i8")
    try:
        target = count_target(find_files(stage.settings["target"]), len(corpus))
    except (TextFileError, OSError) as error:
        raise ConfigError(str(error), ("importance", "target")) from None
    if not target.any():
        raise UnfitSettingError("the examples of the target hold no words", ("importance", "target"))
    with task.make("ratios", ".bin") as file:
        file.write(log_ratios(target, corpus).astype("<i8").tobytes())


def count_target(files: Sequence[Path], buckets: int) -> npt.NDArray[np.int64]:
    """How often each bucket occurs in the examples. Raises TextFileError for a file that can't be read."""
    counts = np.zeros(buckets, np.int64)
    for batch in batch_documents(read_documents(files)):
        texts = pa.array([document.text for document in batch], pa.large_string())
        count_features(*text_buffers(texts), characters(), counts)
    return counts
