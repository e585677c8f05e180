"""The words of a corpus as symbols, side by side, for training byte-level BPE (kernels.bpe.train).

A border, -1, lies before and after each word. Merging moves nothing: a symbol stays where its left part was, and the
one to the right of it is as many positions on as it is long. At its last position, if that is another, is -1 - its
length, which leads to the symbol to the left, and -2 where nothing else is. `close_gaps` makes every symbol one
position long again.

Words lie in groups of equal counts, so that the count of a position is found from where it lies: a block of 64
positions has the number of its first group, from which it is a few steps. That takes a sixteenth of a byte a position,
where a count for each symbol would take four to eight.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.jit import entry, inline

Words = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""distinct words data[offsets[i]:offsets[i + 1]] (uint8, int64), each seen counts[i] times (int64)"""

I64 = np.int64
BORDER, INSIDE = -1, -2
BLOCK_BITS = 6
MAX_POSITIONS = (1 << 31) - 2


class Symbols(NamedTuple):
    """Symbols by position, and the groups of equal counts: group g has the positions starts[g] to starts[g + 1]."""

    ids: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    blocks: npt.NDArray[np.int32]


def lay_out(parts: Iterable[Words], byte_ids: npt.NDArray[np.int64]) -> Symbols:
    """The bytes of the words of all parts, which are gone through three times. Words of one byte are left out.

    byte_ids: the ids of the 256 bytes. Raises ValueError for 2^31 positions or more, and for parts that change.
    """
    seen = [np.unique(counts) for _, _, counts in parts]
    counts = np.unique(np.concatenate([np.empty(0, np.int64), *seen]))
    sizes = np.zeros(len(counts), np.int64)
    for _, offsets, part in parts:
        _add_sizes(offsets, part, counts, sizes)
    starts = np.append(1, 1 + np.cumsum(sizes))
    if starts[-1] > MAX_POSITIONS:
        raise ValueError(
            f"{int(starts[-1]):,} bytes of distinct words are too many to train on; at most {MAX_POSITIONS:,}"
        )
    ids, next_positions = np.empty(starts[-1], np.int32), starts[:-1].copy()
    ids[0] = BORDER
    for data, offsets, part in parts:
        if not _lay_words(data, offsets, part, byte_ids, counts, next_positions, starts, ids):
            raise ValueError("the words are others than when they were first gone through")
    return _with_blocks(ids, starts, counts)


def close_up(symbols: Symbols) -> Symbols:
    """The same symbols, each one position long, without the words that have become one symbol. The symbols given
    can't be used any more: their array is shortened where it is, so that both need not be in memory together."""
    ids, starts, counts, _ = symbols
    ids.resize(_close_gaps(ids, starts), refcheck=False)
    return _with_blocks(ids, starts, counts)


def _with_blocks(ids: npt.NDArray[np.int32], starts: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> Symbols:
    nonempty = np.diff(starts) > 0
    starts, counts = np.append(starts[:-1][nonempty], len(ids)), counts[nonempty]
    blocks = np.searchsorted(starts, np.arange(0, len(ids), 1 << BLOCK_BITS), "right") - 1
    return Symbols(ids, starts, counts, np.maximum(blocks, 0).astype(np.int32))


@inline
def count_at(i, starts, counts, blocks):  # type: ignore[no-untyped-def]
    """The count of the word at position i."""
    group = I64(blocks[i >> BLOCK_BITS])
    while starts[group + 1] <= i:
        group += 1
    return counts[group]


@inline
def _group_of(count, counts):  # type: ignore[no-untyped-def]
    low, high = 0, len(counts) - 1
    while low < high:
        middle = (low + high) >> 1
        if counts[middle] < count:
            low = middle + 1
        else:
            high = middle
    return low


@entry("sizes")
def _add_sizes(
    offsets: npt.NDArray[np.int64],
    part: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
) -> None:
    for word in range(len(part)):
        length = offsets[word + 1] - offsets[word]
        if length > 1:
            sizes[_group_of(part[word], counts)] += length + 1


@entry("next_positions", "ids")
def _lay_words(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    part: npt.NDArray[np.int64],
    byte_ids: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    next_positions: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    ids: npt.NDArray[np.int32],
) -> bool:
    """False when a group has no room for its next word."""
    for word in range(len(part)):
        length = offsets[word + 1] - offsets[word]
        if length > 1:
            group = _group_of(part[word], counts)
            i = next_positions[group]
            if i + length >= starts[group + 1]:
                return False
            for p in range(offsets[word], offsets[word + 1]):
                ids[i] = byte_ids[data[p]]
                i += 1
            ids[i] = BORDER
            next_positions[group] = i + 1
    return True


@entry("ids", "starts")
def _close_gaps(ids: npt.NDArray[np.int32], starts: npt.NDArray[np.int64]) -> int:
    """Returns the number of positions left; starts are moved with them, the last aside."""
    n, word, group = 1, 1, 0
    for i in range(1, len(ids)):
        while starts[group] == i:
            starts[group] = n
            group += 1
        if ids[i] >= 0:
            ids[n] = ids[i]
            n += 1
        elif ids[i] == BORDER:
            if n - word < 2:
                n = word
            else:
                ids[n] = BORDER
                n += 1
                word = n
    starts[group:] = n
    return n
