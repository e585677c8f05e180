"""Texts without some spans of their bytes, cut where a character, a word or a line ends.

A span shrinks to what it covers whole: characters; words, which are runs of letters, digits and marks where words are
spaced and single characters where they aren't (the classes of `kernels.dedup.units`); lines with their line feeds.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.dedup.units import ALONE, SEPARATOR, astral, characters, decode
from dspipe.kernels.jit import entry, inline, pointer

Int64 = npt.NDArray[np.int64]
Whole = Literal["character", "word", "line"]
_WHOLE: dict[Whole, int] = {"character": 0, "word": 1, "line": 2}


@entry("rows", "starts", "ends")
def _merge(rows, starts, ends):  # type: ignore[no-untyped-def]
    merged = np.int64(-1)
    for i in range(len(rows)):
        if merged >= 0 and rows[i] == rows[merged] and starts[i] <= ends[merged]:
            ends[merged] = max(ends[merged], ends[i])
        else:
            merged += 1
            rows[merged], starts[merged], ends[merged] = rows[i], starts[i], ends[i]
    return merged + 1


def merge_spans(rows: Int64, starts: Int64, ends: Int64) -> tuple[Int64, Int64, Int64]:
    """The spans from starts[i] to ends[i] (exclusive) of rows[i] in order, those that overlap or meet as one."""
    order = np.lexsort([starts, rows])
    rows, starts, ends = rows[order], starts[order], ends[order]
    count = _merge(rows, starts, ends)
    # copies: often few spans are left of many
    return rows[:count].copy(), starts[:count].copy(), ends[:count].copy()


@inline
def _in_word(kind):  # type: ignore[no-untyped-def]
    return kind != np.uint32(SEPARATOR) and kind < np.uint32(ALONE)


@inline
def _kind(texts, plane, i, end):  # type: ignore[no-untyped-def]
    """The class of the character at i."""
    if texts[i] < 128:
        return plane[np.int64(texts[i])]
    code, _ = decode(texts, i, end)
    return plane[code] if code < np.int64(0x10000) else astral(code)


@inline
def _previous_start(texts, i, begin):  # type: ignore[no-untyped-def]
    """Where the character that ends at i begins."""
    i -= 1
    while i > begin and texts[i] & 0xC0 == 0x80:
        i -= 1
    return i


@inline
def _may_cut(texts, plane, i, begin, end, whole):  # type: ignore[no-untyped-def]
    """Whether a span may begin or end at i."""
    if i <= begin or i >= end:
        return True
    if texts[i] & 0xC0 == 0x80:
        return False
    if whole == 0:
        return True
    if whole == 2:
        return texts[i - 1] == 10
    before = _kind(texts, plane, _previous_start(texts, i, begin), end)
    return not (_in_word(before) and _in_word(_kind(texts, plane, i, end)))


@entry("starts", "ends", "out", "out_offsets")
def _cut(data, offsets, plane, whole, rows, starts, ends, out, out_offsets):  # type: ignore[no-untyped-def]
    """Copy the texts without the spans; what is left of the spans is written over them."""
    texts, kinds, target = pointer(data), pointer(plane), pointer(out)
    span, written = np.int64(0), np.int64(0)
    for row in range(len(offsets) - 1):
        begin, end = offsets[row], offsets[row + 1]
        copied = begin
        while span < len(rows) and rows[span] == row:
            start, stop = begin + starts[span], begin + ends[span]
            while start < stop and not _may_cut(texts, kinds, start, begin, end, whole):
                start += 1
            while stop > start and not _may_cut(texts, kinds, stop, begin, end, whole):
                stop -= 1
            starts[span], ends[span] = start - begin, stop - begin
            span += 1
            if start == stop:
                continue
            for i in range(copied, start):
                target[written] = texts[i]
                written += 1
            copied = stop
            if whole == 1 and begin < start and stop < end:
                before = _kind(texts, kinds, _previous_start(texts, start, begin), end)
                if _in_word(before) and _in_word(_kind(texts, kinds, stop, end)):
                    joint = np.uint8(32)
                    for i in range(start, stop):
                        if texts[i] == 10:
                            joint = np.uint8(10)
                    target[written] = joint
                    written += 1
        for i in range(copied, end):
            target[written] = texts[i]
            written += 1
        out_offsets[row + 1] = written


def cut_spans(
    data: Bytes, offsets: Offsets, rows: Int64, starts: Int64, ends: Int64, whole: Whole
) -> tuple[Bytes, Offsets, tuple[Int64, Int64, Int64]]:
    """Bytes and offsets of texts (`kernels.arrow.text_buffers`) without spans, and the spans (rows, starts, ends) that
    were cut.

    Spans are as from `merge_spans`. Where two words would meet, a line feed is left between them if one was cut, else a
    blank.
    """
    starts, ends = starts.copy(), ends.copy()
    out, out_offsets = np.empty(int(offsets[-1] - offsets[0]), np.uint8), np.zeros(len(offsets), np.int64)
    _cut(data, offsets, characters().plane, _WHOLE[whole], rows, starts, ends, out, out_offsets)
    cut = starts < ends
    return out[: out_offsets[-1]], out_offsets, (rows[cut], starts[cut], ends[cut])
