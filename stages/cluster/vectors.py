"""Vectors and centers as columns and files hold them."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.vectors.embed import Vectors
from dspipe.pipeline.tasks.task import Task


def vectors_of(column: pa.Array) -> Vectors:
    """int8[rows, places] of a fixed_size_binary column without nulls."""
    width = column.type.byte_width
    if not len(column):
        return np.empty((0, width), np.int8)
    first = column.offset * width
    stored = np.frombuffer(column.buffers()[1], np.int8)[first : first + len(column) * width]
    return stored.reshape(-1, width)


def is_placed(batch: pa.RecordBatch, of: str) -> npt.NDArray[np.bool_]:
    """Which documents are still kept and have a vector."""
    kept = pc.and_(pc.is_null(batch.column("reason")), pc.is_valid(batch.column(of)))
    found: npt.NDArray[np.bool_] = kept.to_numpy(zero_copy_only=False)
    return found


def write_arrays(task: Task, artifact: str, **arrays: npt.NDArray[Any]) -> None:
    """Make an artifact of numpy arrays; equal arrays are equal bytes."""
    data = io.BytesIO()
    for array in arrays.values():
        np.save(data, np.ascontiguousarray(array), allow_pickle=False)
    with task.make(artifact, ".npy") as file:
        file.write(data.getvalue())


def read_arrays(content: bytes, count: int) -> list[npt.NDArray[Any]]:
    """The arrays of such a file, in order."""
    data = io.BytesIO(content)
    return [np.load(data, allow_pickle=False) for _ in range(count)]
