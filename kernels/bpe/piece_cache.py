"""The pieces an encoder has seen and their ids, in a fixed amount of memory.

Short pieces, of up to 15 bytes, are two words that hold their bytes and their length; a cache line holds two of them
with up to four ids each. Long ones, of up to 256 bytes, are found by a hash, four to a cache line; their bytes and ids
are records in a ring. Nothing is ever cleared: a new piece takes the place of the oldest in its line, and the head of
the ring that of the oldest records, which are known by their distance from it. So a text whose pieces don't all fit
loses the oldest, one by one; when a full cache was emptied instead, a second pass over 20 MB of Chinese and German law,
whose pieces filled it to 102 %, was no faster than the first.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.bpe.table import allocate_aligned
from dspipe.kernels.hashing import GOLDEN, XXHASH
from dspipe.kernels.jit import inline, jit, load64, pointer

U64, U32, I64 = np.uint64, np.uint32, np.int64
LOW_32, ID_BITS = np.uint64(0xFFFFFFFF), np.uint64(0x0FFFFFFF)
ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
MAX_SHORT_BYTES = 15
"""longest piece that two words hold"""
MAX_CACHED_BYTES = 256
"""longest piece that is kept"""
LINE = 8
"""words in a cache line"""
IN_RING = np.uint64(15)
"""in place of the number of ids of a short piece that has more than four"""


class PieceCache(NamedTuple):
    """Pieces seen and their ids.

    short   uint64[8 * lines]   two slots of four words: bytes 0 to 7; bytes 8 to 14 and the length (0: free); up to 4
                                ids of 28 bits with their number in the top 4, or (number 15) a position in the ring and
                                the number
    long    uint64[8 * lines]   four slots of two words: hash (0: free); position in the ring << 20 | bytes << 10 | ids
    ring    uint64              records: the bytes of a long piece, the last 8 as one more word, then two ids a word
    head    int64[1]            words ever written to the ring; position p is at ring[p % len(ring)], and is kept as
                                long as head - p <= len(ring)
    """

    short: npt.NDArray[np.uint64]
    long: npt.NDArray[np.uint64]
    ring: npt.NDArray[np.uint64]
    head: npt.NDArray[np.int64]


class RawCache(NamedTuple):
    """Pointers to a PieceCache's arrays, and their sizes."""

    short: npt.NDArray[np.uint64]
    long: npt.NDArray[np.uint64]
    ring: npt.NDArray[np.uint64]
    head: npt.NDArray[np.int64]
    short_lines: np.uint64
    long_lines: np.uint64
    ring_size: int


def piece_cache(size: int) -> PieceCache:
    """An empty cache of `size` bytes, at least 9 KiB: half for short pieces, an eighth for slots of long ones, the rest
    for the ring."""
    lines = max(128, size // 64)
    ring = max(2 * MAX_CACHED_BYTES, 3 * lines)
    return PieceCache(
        allocate_aligned(LINE * (lines // 2)),
        allocate_aligned(LINE * (lines // 8)),
        allocate_aligned(ring),
        np.zeros(1, np.int64),
    )


@inline
def raw_cache(cache: PieceCache) -> RawCache:
    """Pointers to the cache's arrays; the caller keeps the cache alive."""
    return RawCache(
        pointer(cache.short),
        pointer(cache.long),
        pointer(cache.ring),
        pointer(cache.head),
        U64(len(cache.short) // LINE),
        U64(len(cache.long) // LINE),
        len(cache.ring),
    )


@inline
def pack(text, start, n, size):  # type: ignore[no-untyped-def]
    """The n <= MAX_SHORT_BYTES bytes from `start` and their number, as two words; `size` is the end of what may be
    read."""
    if start + 16 <= size:
        low, high = load64(text, start), load64(text, start + 8)
        if n <= 8:
            return low & ONES >> U64(64 - 8 * n), U64(n) << U64(56)
        return low, high & ONES >> U64(128 - 8 * n) | U64(n) << U64(56)
    low, high = U64(0), U64(n) << U64(56)
    for i in range(n):
        if i < 8:
            low |= U64(text[start + i]) << U64(8 * i)
        else:
            high |= U64(text[start + i]) << U64(8 * i - 64)
    return low, high


@inline
def short_line(low, high, cache):  # type: ignore[no-untyped-def]
    """Where the line of a packed piece begins."""
    low = low * GOLDEN
    mixed = ((low << U64(32) | low >> U64(32)) ^ high * XXHASH) * GOLDEN
    return I64(((mixed >> U64(32)) * cache.short_lines >> U64(32)) * U64(LINE))


@inline
def long_line(key, cache):  # type: ignore[no-untyped-def]
    """Where the line of a hash begins."""
    return I64(((key >> U64(32)) * cache.long_lines >> U64(32)) * U64(LINE))


@inline
def _reserve(cache, words):  # type: ignore[no-untyped-def]
    """The position of a new record of so many words, which don't wrap around."""
    position = cache.head[0]
    left = cache.ring_size - position % cache.ring_size
    if left < words:
        position += left
    cache.head[0] = position + words
    return position


@inline
def _is_kept(cache, position):  # type: ignore[no-untyped-def]
    return cache.head[0] - position <= cache.ring_size


@inline
def _copy_ids(cache, i, count, ids, o):  # type: ignore[no-untyped-def]
    """Append the ids of a record from ring[i] on; one more may be written."""
    for k in range(0, count, 2):
        word = cache.ring[i + (k >> 1)]
        ids[o + k], ids[o + k + 1] = U32(word & LOW_32), U32(word >> U64(32))


@inline
def _keep_ids(cache, i, count, ids, o):  # type: ignore[no-untyped-def]
    """Write ids[o : o + count] to ring[i:]; one more may be read."""
    for k in range(0, count, 2):
        cache.ring[i + (k >> 1)] = U64(ids[o + k]) | U64(ids[o + k + 1]) << U64(32)


@inline
def find_short(cache, line, low, high, ids, o):  # type: ignore[no-untyped-def]
    """Append the ids of a packed piece; returns the new o, or -1 when it isn't known."""
    short = cache.short
    # which of the two is chosen without a branch, which would often be mispredicted
    i = line + (((short[line] ^ low) | (short[line + 1] ^ high)) != U64(0)) * 4
    if short[i + 1] != high or short[i] != low:
        return I64(-1)
    first, second = short[i + 2], short[i + 3]
    count = I64(second >> U64(60))
    if count < 15:
        ids[o] = U32(first & LOW_32)
        ids[o + 1] = U32(first >> U64(32))
        ids[o + 2] = U32(second & LOW_32)
        ids[o + 3] = U32(second >> U64(32) & ID_BITS)
        return o + count
    position, count = I64(first), I64(second & LOW_32)
    if not _is_kept(cache, position):
        return I64(-1)
    _copy_ids(cache, position % cache.ring_size, count, ids, o)
    return o + count


@jit
def keep_short(cache, line, low, high, ids, o, count):  # type: ignore[no-untyped-def]
    """Keep the ids ids[o : o + count] of a packed piece that isn't known."""
    short = cache.short
    if short[line + 1] != high or short[line] != low:  # else its ids have left the ring
        for k in range(4):
            short[line + 4 + k] = short[line + k]
    short[line], short[line + 1] = low, high
    if count <= 4:
        third = U64(ids[o + 2]) if count > 2 else U64(0)
        fourth = U64(ids[o + 3]) if count > 3 else U64(0)
        second = U64(ids[o + 1]) if count > 1 else U64(0)
        short[line + 2] = U64(ids[o]) | second << U64(32)
        short[line + 3] = third | fourth << U64(32) | U64(count) << U64(60)
    else:
        position = _reserve(cache, (count + 1) >> 1)
        _keep_ids(cache, position % cache.ring_size, count, ids, o)
        short[line + 2], short[line + 3] = U64(position), IN_RING << U64(60) | U64(count)


@jit
def find_long(cache, line, key, text, start, n, ids, o):  # type: ignore[no-untyped-def]
    """As find_short, for a piece of MAX_SHORT_BYTES to MAX_CACHED_BYTES bytes."""
    for i in range(line, line + LINE, 2):
        if cache.long[i] == key:
            entry = cache.long[i + 1]
            position = I64(entry >> U64(20))
            if I64(entry >> U64(10) & U64(1023)) == n and _is_kept(cache, position):
                record, p, last = position % cache.ring_size, start, start + n - 8
                while p < last and cache.ring[record] == load64(text, p):
                    record += 1
                    p += 8
                if p >= last and cache.ring[record] == load64(text, last):
                    count = I64(entry & U64(1023))
                    _copy_ids(cache, record + 1, count, ids, o)
                    return o + count
    return I64(-1)


@jit
def keep_long(cache, line, key, text, start, n, ids, o, count):  # type: ignore[no-untyped-def]
    """Keep the ids ids[o : o + count] of a piece that find_long didn't find."""
    position = _reserve(cache, ((n + 7) >> 3) + ((count + 1) >> 1))
    record, p, last = position % cache.ring_size, start, start + n - 8
    while p < last:
        cache.ring[record] = load64(text, p)
        record += 1
        p += 8
    cache.ring[record] = load64(text, last)
    _keep_ids(cache, record + 1, count, ids, o)
    for i in range(line + LINE - 1, line + 1, -1):
        cache.long[i] = cache.long[i - 2]
    cache.long[line] = key
    cache.long[line + 1] = U64(position) << U64(20) | U64(n) << U64(10) | U64(count)
