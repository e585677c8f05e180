"""Spans of texts: where they are from, how a column holds them, and which of equal passages go."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.dedup.cut_spans import merge_spans
from dspipe.kernels.dedup.first_positions import first_positions

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


def written(spans: Spans, rows: int) -> pa.Array:
    """Spans in order as a column (string) of so many rows: "0-250 1200-1460", starts and ends; empty for none."""
    ends = [pa.array(values).cast(pa.string()) for values in (spans.starts, spans.ends)]
    offsets = np.searchsorted(spans.rows, np.arange(rows + 1)).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), pc.binary_join_element_wise(*ends, "-"))
    return pc.binary_join(lists, " ")


def read(column: pa.Array) -> Spans:
    """The spans of a column of `written`."""
    some = pc.not_equal(column, "")
    lists = pc.split_pattern(column.filter(some), " ")
    rows = np.repeat(np.flatnonzero(some.to_numpy(zero_copy_only=False)), pc.list_value_length(lists).to_numpy())
    ends = pc.list_flatten(pc.split_pattern(pc.list_flatten(lists), "-")).cast(pa.int64()).to_numpy()
    return Spans(rows, ends[::2], ends[1::2])


class Judged(NamedTuple):
    """What `judge_columns` says of each passage."""

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
    first = first_positions(*keys)
    repeats = (documents != documents[first]) | (starts - starts[first] >= least)
    if keep:
        return Judged(repeats, repeats, first)
    gone = np.zeros(len(first), bool)
    gone[first[repeats if repeated is None else repeats | repeated]] = True
    return Judged(gone[first], repeats, first)
