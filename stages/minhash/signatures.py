"""Signatures as a column, and the windows of a shard in which hot keys are found."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.dedup.minhash import band_keys
from dspipe.pipeline.storage.records import rows_kept
from dspipe.stages.shared.dedup.scope import EVERYWHERE, Scope

if TYPE_CHECKING:
    from dspipe.pipeline.tasks.task import Task

Window = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint64], npt.NDArray[np.uint32]]

WINDOW = 8192
"""rows of a shard, however they are cut into batches, so that verdicts don't depend on the cut"""


def windows(task: "Task", signature: str, banding: tuple[int, int], scope: Scope = EVERYWHERE) -> Iterator[Window]:
    """Per WINDOW rows of the shard the documents still kept that have a signature: (rows, band keys, signatures)."""
    waiting: list[Window] = []
    for numbers, batch in rows_kept(task, [signature, *scope.columns]):
        signed, known = stored_signatures(batch.column(0))
        dumps = batch.column("dump").filter(pa.array(known)) if scope.columns else None
        keys = scope.keys(band_keys(signed, *banding), dumps)
        numbers = numbers[known]
        cuts = np.flatnonzero(np.diff(numbers // WINDOW)) + 1
        for part in zip(*(np.split(values, cuts) for values in (numbers, keys, signed)), strict=True):
            if waiting and len(part[0]) and waiting[-1][0][-1] // WINDOW != part[0][0] // WINDOW:
                yield _joined(waiting)
                waiting = []
            if len(part[0]):
                waiting.append(part)
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[Window]) -> Window:
    rows, keys, signed = zip(*parts, strict=True)
    return np.concatenate(rows), np.concatenate(keys), np.concatenate(signed)


def signature_column(signed: npt.NDArray[np.uint32]) -> pa.Array:
    """Signatures (a row each) as a fixed-size binary column, without copying."""
    return pa.Array.from_buffers(pa.binary(4 * signed.shape[1]), len(signed), [None, pa.py_buffer(signed)])


def stored_signatures(column: pa.Array) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.bool_]]:
    """The signatures that aren't null, and which these are."""
    width = column.type.byte_width // 4
    known = column.is_valid().to_numpy(zero_copy_only=False)
    data = column.buffers()[1]
    values = np.frombuffer(data, np.uint32) if data is not None else np.empty(0, np.uint32)
    return values.reshape(-1, width)[column.offset : column.offset + len(column)][known], known


def unique_pairs(
    left: npt.NDArray[Any], right: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint64]]:
    """Each pair once, sorted by the left side, then the right."""
    order = np.lexsort([right, left])
    left, right = left[order], right[order]
    first = np.ones(len(left), bool)
    first[1:] = (left[1:] != left[:-1]) | (right[1:] != right[:-1])
    return left[first], right[first]
