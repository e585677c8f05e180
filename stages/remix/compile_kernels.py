"""The kernels of drawing and of importance resampling called on little, to compile them."""

import numpy as np
import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.importance import count_features, sum_features
from dspipe.kernels.dedup.units import characters
from dspipe.kernels.hashing import FEW
from dspipe.pipeline.draws import seeded_hashes


def compile_kernels(importance: bool) -> None:
    """Compile what the phases call; `importance`: also what resampling by likeness to a target does."""
    seeded_hashes(pa.array(np.zeros(FEW + 1, np.uint64)), 0)
    if importance:
        text = text_buffers(pa.array(["a"], pa.large_string()))
        count_features(*text, characters(), np.zeros(16, np.int64))
        sum_features(*text, characters(), np.zeros(16, np.int64))
