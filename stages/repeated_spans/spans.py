"""Spans of texts: where they are from, how a column holds them, and which of equal passages are dropped."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dspipe.kernels.dedup.cut_spans import merge_spans
from dspipe.kernels.dedup.first_positions import first_positions
from dspipe.pipeline.doc_id import UInt64

Integers = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]


class Spans(NamedTuple):
    """The bytes from starts[i] to ends[i] (exclusive) of the text in rows[i]."""

    rows: npt.NDArray[Any]
    starts: npt.NDArray[Any]
    ends: npt.NDArray[Any]


def merge(*spans: Spans) -> Spans:
    """All spans in order, those that overlap or meet as one."""
    rows, starts, ends = (
        np.concatenate([values.astype(np.int64) for values in part]) for part in zip(*spans, strict=True)
    )
    return Spans(*merge_spans(rows, starts, ends))


def format_spans(spans: Spans, rows: int) -> pa.Array:
    """Spans in order as a column (string) of so many rows: "0-250 1200-1460", starts and ends; empty for none."""
    ends = [pa.array(values).cast(pa.string()) for values in (spans.starts, spans.ends)]
    offsets = np.searchsorted(spans.rows, np.arange(rows + 1)).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), pc.binary_join_element_wise(*ends, "-"))
    return pc.binary_join(lists, " ")


def parse_spans(column: pa.Array) -> Spans:
    """The spans of a column of `format_spans`."""
    filled = pc.not_equal(column, "")
    lists = pc.split_pattern(column.filter(filled), " ")
    rows = np.repeat(np.flatnonzero(filled.to_numpy(zero_copy_only=False)), pc.list_value_length(lists).to_numpy())
    ends = pc.list_flatten(pc.split_pattern(pc.list_flatten(lists), "-")).cast(pa.int64()).to_numpy()
    return Spans(rows, ends[::2], ends[1::2])


def spans_of_anchors(rows: Integers, starts: Integers, owned: Integers, min_bytes: int) -> Spans:
    """The bytes of the windows that anchors own: `owned` windows of min_bytes each, the first from `starts` on."""
    begins = starts.astype(np.int64)
    return Spans(rows, begins, begins + owned + (min_bytes - 1))


class Verdict(NamedTuple):
    """What `judge_passages` says of each passage."""

    drop: Bools
    repeats: Bools
    """it repeats the first that is the same"""
    first: npt.NDArray[np.uint32]
    """the position of the first that is the same, often its own"""


def judge_passages(
    keys: tuple[UInt64, UInt64],
    documents: Integers,
    starts: Integers,
    min_bytes: int,
    keep: int,
    repeated: Bools | None = None,
) -> Verdict:
    """Which of some passages, in the order of documents and starts, to drop. They are the same when both keys are.

    One repeats the first that is the same when it is in another document, or begins at least `min_bytes` behind it.
    With `keep` 1 those are dropped that repeat; with 0 all that are the same as one that repeats, or as one of
    `repeated`, which are known from elsewhere to be.
    """
    first = first_positions(*keys)
    repeats = (documents != documents[first]) | (starts - starts[first] >= min_bytes)
    if keep:
        return Verdict(repeats, repeats, first)
    dropped = np.zeros(len(first), bool)
    dropped[first[repeats if repeated is None else repeats | repeated]] = True
    return Verdict(dropped[first], repeats, first)
