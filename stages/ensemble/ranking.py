"""How `ensemble` makes a rank of scores: the same for the phases of a run and for `dspipe whatif`.

Settings: `of`, `within`, `unit`, `how` and `weights`, as `EnsembleConfig` describes them.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.pipeline.stage import Settings
from dspipe.stages.shared.quantiles import Bins

BINS = Bins(dropped=8)
"""2**-16 wide for scores of 0.5 to 1, narrower below"""
Floats = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]


def weights_of(batch: pa.RecordBatch, unit: str) -> npt.NDArray[np.int64] | None:
    """What each document counts as; None: one each."""
    if unit == "documents":
        return None
    column = pc.fill_null(batch.column("text_bytes" if unit == "bytes" else "tokens").cast(pa.int64()), 0)
    weights: npt.NDArray[np.int64] = column.to_numpy(zero_copy_only=False)
    return weights


def put_together(ranks: Floats, settings: Settings) -> Float32:
    """One number for each document from float64[columns, documents]."""
    if settings["how"] == "max":
        best: Floats = ranks.max(axis=0)
        return best.astype(np.float32)
    parts = np.array(settings["weights"] or [1.0] * len(ranks))
    mean: Floats = (parts[:, None] * ranks).sum(axis=0) / parts.sum()
    return mean.astype(np.float32)


def buckets_of(ranks: Floats, buckets: int) -> npt.NDArray[np.int32]:
    """The bucket of each rank, 1 to `buckets`."""
    found: npt.NDArray[np.int32] = np.minimum((ranks * buckets).astype(np.int32), buckets - 1) + np.int32(1)
    return found
