"""Packing kernels: order keys on the token axis, joining documents into streams, and filling rows of fixed length.

Token arrays are uint16 or uint32, whichever the vocabulary needs; each kernel is compiled once for each that is used.
"""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.hashing import FEW
from dspipe.kernels.jit import entry, inline

Tokens = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
UInt64 = npt.NDArray[np.uint64]
Int64 = npt.NDArray[np.int64]

LOW_32, BITS_32 = np.uint64(0xFFFFFFFF), np.uint64(32)

PLAIN, PREFIX_SUFFIX_MIDDLE, SUFFIX_PREFIX_MIDDLE = 0, 1, 2
"""How a document is laid out: as it is, or for fill-in-the-middle (see `stages.pack.fim`)."""


def scale_hashes(hashes: UInt64, starts: UInt64, widths: UInt64) -> UInt64:
    """starts + hashes * widths / 2**64, rounded down: each hash moved into its interval, its order kept.

    This is how a key says both its part of the token axis and a random position within it.
    """
    if len(hashes) <= FEW:
        return _scale_array(hashes, starts, widths)
    scaled: UInt64 = _scale_hashes(hashes, starts, widths)
    return scaled


def _scale_array(hashes: UInt64, starts: UInt64, widths: UInt64) -> UInt64:
    a, b = hashes >> BITS_32, hashes & LOW_32
    c, d = widths >> BITS_32, widths & LOW_32
    middle = a * d + (b * d >> BITS_32)
    low = b * c + (middle & LOW_32)
    scaled: UInt64 = starts + a * c + (middle >> BITS_32) + (low >> BITS_32)
    return scaled


_scale = inline(_scale_array)


@entry()
def _scale_hashes(hashes: UInt64, starts: UInt64, widths: UInt64) -> UInt64:
    out = np.empty(len(hashes), np.uint64)
    for i in range(len(hashes)):
        out[i] = _scale(hashes[i], starts[i], widths[i])
    return out


@entry("stream")
def join_documents(
    tokens: Tokens,
    starts: Int64,
    ends: Int64,
    begin: int,
    end: int,
    layouts: npt.NDArray[np.uint8],
    cuts: Int64,
    sentinels: Int64,
    stream: Tokens,
) -> int:
    """Write the documents one behind the other into `stream`; returns the number of tokens written.

    Document i is tokens[starts[i]:ends[i]], with `begin` in front (none if negative) and `end` behind. Where
    layouts[i] is not PLAIN it is cut at cuts[i, 0] <= cuts[i, 1] into prefix, middle and suffix, which are set in the
    layout's order with the three `sentinels` (before prefix, suffix, middle).
    """
    at = 0
    for i in range(len(starts)):
        if begin >= 0:
            stream[at] = begin
            at += 1
        first, last = starts[i], ends[i]
        if layouts[i] == PLAIN:
            for k in range(first, last):
                stream[at] = tokens[k]
                at += 1
        else:
            middle, suffix = first + cuts[i, 0], first + cuts[i, 1]
            stream[at] = sentinels[0]
            at += 1
            if layouts[i] == PREFIX_SUFFIX_MIDDLE:
                for k in range(first, middle):
                    stream[at] = tokens[k]
                    at += 1
            stream[at] = sentinels[1]
            at += 1
            for k in range(suffix, last):
                stream[at] = tokens[k]
                at += 1
            stream[at] = sentinels[2]
            at += 1
            if layouts[i] == SUFFIX_PREFIX_MIDDLE:
                for k in range(first, middle):
                    stream[at] = tokens[k]
                    at += 1
            for k in range(middle, suffix):
                stream[at] = tokens[k]
                at += 1
        stream[at] = end
        at += 1
    return at


@entry("rows")
def copy_segments(stream: Tokens, sources: Int64, lengths: Int64, targets: Int64, rows: Tokens) -> None:
    """rows[targets[i]:targets[i] + lengths[i]] = stream[sources[i]:...] for each segment; `rows` is flat."""
    for i in range(len(sources)):
        source, target = sources[i], targets[i]
        for k in range(lengths[i]):
            rows[target + k] = stream[source + k]


@entry("row", "kept")
def fill_rows(lengths: Int64, row_length: int, crop: bool, row: Int64, kept: Int64) -> int:
    """Put segments of 1..row_length tokens into rows, whole; returns the number of rows.

    Row by row, the longest segment that still fits is taken: this is first-fit decreasing (at most 11/9 of the fewest
    rows, plus one; Johnson 1973), without its search over open rows. Of equal lengths the earlier segment goes first.
    row[i] is segment i's row. kept[i] is its length, less where `crop` is set: then, when no segment fits the space
    that is left, the shortest one is cut to it, so that every row but the last is full.
    """
    count = len(lengths)
    heads = np.full(row_length + 1, -1, np.int64)
    following = np.empty(count, np.int64)
    for back in range(count):
        i = count - 1 - back
        following[i] = heads[lengths[i]]
        heads[lengths[i]] = i
    # below[n] leads towards the longest length <= n that still has segments, with path halving as in union-find:
    # lengths run out and never come back, so a search costs next to nothing however long rows are
    below = np.arange(row_length + 1)
    above = np.arange(row_length + 2)
    for n in range(1, row_length + 1):
        if heads[n] < 0:
            below[n] = n - 1
            above[n] = n + 1
    rows, left = 0, count
    while left > 0:
        space = row_length
        while space > 0 and left > 0:
            n = space
            while below[n] != n:
                below[n] = below[below[n]]
                n = below[n]
            if n == 0:
                if not crop:
                    break
                n = space
                while above[n] != n:
                    above[n] = above[above[n]]
                    n = above[n]
            i = heads[n]
            heads[n] = following[i]
            if heads[n] < 0:
                below[n] = n - 1
                above[n] = n + 1
            row[i] = rows
            kept[i] = min(n, space)
            space -= kept[i]
            left -= 1
        rows += 1
    return rows
