"""Spans of texts: where they are from, how a column holds them, and which of equal passages go."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kernels.arrow import text_buffers
from kernels.cut_spans import merge_spans
from kernels.first_places import first_places

Integers = npt.NDArray[np.integer[Any]]
UInt64 = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]


class Spans(NamedTuple):
    """The bytes from starts[i] to ends[i] (exclusive) of the text in rows[i]."""

    rows: npt.NDArray[Any]
    starts: npt.NDArray[Any]
    ends: npt.NDArray[Any]


def merged(*spans: Spans) -> Spans:
    """All spans in order, those that overlap or meet as one."""
    rows, starts, ends = (
        np.concatenate([values.astype(np.int64) for values in part]) for part in zip(*spans, strict=True)
    )
    return Spans(*merge_spans(rows, starts, ends))


def packed(spans: Spans, rows: int) -> pa.Array:
    """Spans in order as a binary column of so many rows: start and end of each, uint32, little-endian."""
    numbers = np.stack([spans.starts, spans.ends], axis=1).astype("<u4")
    offsets = (8 * np.searchsorted(spans.rows, np.arange(rows + 1))).astype(np.int32)
    return pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(numbers)])


def unpacked(column: pa.Array) -> Spans:
    """The spans of a column of `packed`."""
    data, offsets = text_buffers(column)
    numbers = data[offsets[0] : offsets[-1]].view("<u4").reshape(-1, 2)
    return Spans(np.repeat(np.arange(len(column)), np.diff(offsets) // 8), numbers[:, 0], numbers[:, 1])


class Judged(NamedTuple):
    """What `judged` says of each passage."""

    goes: Bools
    repeats: Bools
    """it repeats the first that is the same"""
    first: npt.NDArray[np.uint32]
    """the place of the first that is the same, often its own"""


def judged(
    keys: tuple[UInt64, UInt64],
    documents: Integers,
    starts: Integers,
    least: int,
    keep: int,
    repeated: Bools | None = None,
) -> Judged:
    """Which of some passages, in the order of documents and places, go. They are the same when both keys are.

    One repeats the first that is the same when it is in another document, or begins at least `least` bytes behind it.
    With `keep` 1 those go that repeat; with 0 all do that are the same as one that repeats, or as one of `repeated`,
    which are known from elsewhere to be.
    """
    first = first_places(*keys)
    repeats = (documents != documents[first]) | (starts - starts[first] >= least)
    if keep:
        return Judged(repeats, repeats, first)
    gone = np.zeros(len(first), bool)
    gone[first[repeats if repeated is None else repeats | repeated]] = True
    return Judged(gone[first], repeats, first)
