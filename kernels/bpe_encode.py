"""Encoding pieces to token ids: a cache of pieces seen, and merges for those that are not in it.

Pieces of up to 15 bytes are looked up as two words that hold their bytes and their length; 256 of them are queued, so
that their slots are on the way from memory while others are looked up. Pieces of up to 256 bytes are looked up by a
hash and compared byte by byte; longer ones are merged each time. The cache has a fixed size: when it is full, who calls
empties it. What is in it never changes an id.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.bpe_cut import Joins, may_join, raw_joins
from kernels.bpe_merge import SHORT, MergeTable, merge_long, merge_short, raw_merges
from kernels.character_classes import decode
from kernels.jit import inline, jit, load64, pointer, prefetch

U64, U32, I64 = np.uint64, np.uint32, np.int64
MULTIPLIER, MULTIPLIER_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
MULTIPLIER_3 = np.uint64(0x517CC1B727220A95)
LOW_32, ID_BITS = np.uint64(0xFFFFFFFF), np.uint64(0x0FFFFFFF)
ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
BATCH = 256
WORD = 15
"""longest piece, in bytes, that two words hold"""
CACHED = 256
"""longest piece, in bytes, that is kept"""
SLACK = 4
"""ids that may be written past the last one"""
SHORT_USED, LONG_USED, ARENA_USED, BYTES_USED, FULL = range(5)


class PieceCache(NamedTuple):
    """Pieces seen and their ids.

    short   uint64[4 * slots]   bytes 0 to 7; bytes 8 to 14 and the length (0: free slot); up to 4 ids of 28 bits with
                                their number in the top 4, or (number 15) their place and number in the arena
    long    uint64[4 * slots]   hash (0: free slot), place in `bytes`, length << 32 | ids, place in the arena
    arena   uint32              ids
    bytes   uint8               of the long pieces
    used    int64[5]            slots and room used, and whether a piece found no room
    """

    short: npt.NDArray[np.uint64]
    long: npt.NDArray[np.uint64]
    arena: npt.NDArray[np.uint32]
    bytes: npt.NDArray[np.uint8]
    used: npt.NDArray[np.int64]


class RawCache(NamedTuple):
    """Pointers to a PieceCache's arrays, and its limits."""

    short: npt.NDArray[np.uint64]
    long: npt.NDArray[np.uint64]
    arena: npt.NDArray[np.uint32]
    bytes: npt.NDArray[np.uint8]
    used: npt.NDArray[np.int64]
    short_mask: np.uint64
    long_mask: np.uint64
    most_short: int
    most_long: int
    most_arena: int
    most_bytes: int
    text_size: int


def piece_cache(size: int) -> PieceCache:
    """An empty cache of at most `size` bytes, at least 32 KiB.

    54 bytes for each of the short slots: 32 of its own, 8 of long slots, 8 of ids, 6 of long pieces, in the proportions
    in which 45 MB of mixed text fill them.
    """
    slots = 1 << max(9, (size // 54).bit_length() - 1)
    arena, long_bytes, used = np.empty(2 * slots, np.uint32), np.empty(6 * slots, np.uint8), np.zeros(5, np.int64)
    return PieceCache(_aligned(4 * slots), _aligned(slots), arena, long_bytes, used)


def empty(cache: PieceCache) -> None:
    """Forget all pieces."""
    for array in (cache.short, cache.long, cache.used):
        array[:] = 0


def _aligned(words: int) -> npt.NDArray[np.uint64]:
    """Zeros from the border of a cache line on, so that no slot lies on two."""
    array = np.zeros(words + 8, np.uint64)
    skip = -array.ctypes.data % 64 // 8
    return array[skip : skip + words]


@inline
def _raw_cache(cache, text_size):  # type: ignore[no-untyped-def]
    return RawCache(
        pointer(cache.short),
        pointer(cache.long),
        pointer(cache.arena),
        pointer(cache.bytes),
        pointer(cache.used),
        U64(len(cache.short) - 1),
        U64(len(cache.long) - 1),
        len(cache.short) // 16 * 3,
        len(cache.long) // 16 * 3,
        len(cache.arena),
        len(cache.bytes),
        text_size,
    )


@inline
def _pack(text, start, n, size):  # type: ignore[no-untyped-def]
    """The n <= WORD bytes from `start` and their number, as two words; `size` is the end of what may be read."""
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
def _short_slot(low, high, mask):  # type: ignore[no-untyped-def]
    low = low * MULTIPLIER
    mixed = (low << U64(32) | low >> U64(32)) ^ high * MULTIPLIER_2
    return (mixed * MULTIPLIER >> U64(20)) * U64(4) & mask


@jit
def _hash(text, start, n, size):  # type: ignore[no-untyped-def]
    mixed, p, end = U64(n), start, start + n
    while p + 8 <= end:
        mixed = ((mixed << U64(5) | mixed >> U64(59)) ^ load64(text, p)) * MULTIPLIER_3
        p += 8
    while p < end:
        mixed = ((mixed << U64(5) | mixed >> U64(59)) ^ U64(text[p])) * MULTIPLIER_3
        p += 1
    return (mixed ^ mixed >> U64(29)) | U64(1)


@jit
def _encode_new(text, start, n, merges, cache, i, low, high, ids, o):  # type: ignore[no-untyped-def]
    """Merge a short piece, keep it in slot i, append its ids."""
    used, work = cache.used, merges.work
    count = merge_short(text, start, n, merges)
    for j in range(count):
        ids[o + j] = work[j]
    if used[SHORT_USED] >= cache.most_short or used[ARENA_USED] + count > cache.most_arena:
        used[FULL] = 1
        return o + count
    used[SHORT_USED] += 1
    cache.short[i], cache.short[i + U64(1)] = low, high
    if count <= 4:
        for j in range(count, 4):
            work[j] = 0
        cache.short[i + U64(2)] = U64(work[0]) | U64(work[1]) << U64(32)
        cache.short[i + U64(3)] = U64(work[2]) | U64(work[3]) << U64(32) | U64(count) << U64(60)
    else:
        cache.short[i + U64(2)] = U64(used[ARENA_USED]) | U64(count) << U64(32)
        cache.short[i + U64(3)] = U64(15) << U64(60)
        for j in range(count):
            cache.arena[used[ARENA_USED] + j] = work[j]
        used[ARENA_USED] += count
    return o + count


@inline
def _encode_word(text, start, n, merges, cache, i, low, high, ids, o):  # type: ignore[no-untyped-def]
    """Append the ids of a piece of at most WORD bytes, looked up from slot i on."""
    short = cache.short
    while True:
        seen = short[i + U64(1)]
        if seen == high and short[i] == low:
            first, second = short[i + U64(2)], short[i + U64(3)]
            count = I64(second >> U64(60))
            if count < 15:
                ids[o] = U32(first & LOW_32)
                ids[o + 1] = U32(first >> U64(32))
                ids[o + 2] = U32(second & LOW_32)
                ids[o + 3] = U32(second >> U64(32) & ID_BITS)
            else:
                place, count = I64(first & LOW_32), I64(first >> U64(32))
                for j in range(count):
                    ids[o + j] = cache.arena[place + j]
            return o + count
        if seen == U64(0):
            return _encode_new(text, start, n, merges, cache, i, low, high, ids, o)
        i = i + U64(4) & cache.short_mask


@jit
def _encode_long(text, start, n, merges, cache, ids, o):  # type: ignore[no-untyped-def]
    """Append the ids of a piece of more than WORD bytes."""
    if n > CACHED:
        return merge_long(text, start, n, merges, ids, o)
    used = cache.used
    key = _hash(text, start, n, cache.text_size)
    i = (key >> U64(20)) * U64(4) & cache.long_mask
    while cache.long[i] != U64(0):
        if cache.long[i] == key and I64(cache.long[i + U64(2)] >> U64(32)) == n:
            place, same = I64(cache.long[i + U64(1)]), 0
            while same < n and cache.bytes[place + same] == text[start + same]:
                same += 1
            if same == n:
                count, place = I64(cache.long[i + U64(2)] & LOW_32), I64(cache.long[i + U64(3)])
                for j in range(count):
                    ids[o + j] = cache.arena[place + j]
                return o + count
        i = i + U64(4) & cache.long_mask
    if n <= SHORT:
        count = I64(merge_short(text, start, n, merges))
        for j in range(count):
            ids[o + j] = merges.work[j]
    else:
        count = I64(merge_long(text, start, n, merges, ids, o) - o)
    arena_used, bytes_used = used[ARENA_USED], used[BYTES_USED]
    if used[LONG_USED] >= cache.most_long or arena_used + count > cache.most_arena or bytes_used + n > cache.most_bytes:
        used[FULL] = 1
        return o + count
    cache.long[i], cache.long[i + U64(1)] = key, U64(bytes_used)
    cache.long[i + U64(2)], cache.long[i + U64(3)] = U64(n) << U64(32) | U64(count), U64(arena_used)
    for j in range(n):
        cache.bytes[bytes_used + j] = text[start + j]
    for j in range(count):
        cache.arena[arena_used + j] = ids[o + j]
    used[LONG_USED] += 1
    used[ARENA_USED] += count
    used[BYTES_USED] += n
    return o + count


@inline
def _enqueue(text, start, end, cache, queue, k):  # type: ignore[no-untyped-def]
    """Queue a piece (start, length, two words, slot) and ask for its slot."""
    n = end - start
    queue[5 * k], queue[5 * k + 1] = U64(start), U64(n)
    if 0 < n <= WORD:
        low, high = _pack(text, start, n, cache.text_size)
        i = _short_slot(low, high, cache.short_mask)
        prefetch(cache.short, I64(i))
        queue[5 * k + 2], queue[5 * k + 3], queue[5 * k + 4] = low, high, i
    return k + 1


@jit
def _drain(text, merges, cache, queue, k, ids, o, id_offsets, documents):  # type: ignore[no-untyped-def]
    """Append the ids of the queued pieces; a piece of no bytes ends a document."""
    for item in range(0, 5 * k, 5):
        start, n = I64(queue[item]), I64(queue[item + 1])
        if n == 0:
            documents += 1
            id_offsets[documents] = o
        elif n <= WORD:
            o = _encode_word(text, start, n, merges, cache, queue[item + 4], queue[item + 2], queue[item + 3], ids, o)
        else:
            o = _encode_long(text, start, n, merges, cache, ids, o)
    return o, documents


@jit
def encode_pieces(
    text: npt.NDArray[np.uint8],
    ends: npt.NDArray[np.int64],
    state: npt.NDArray[np.int64],
    merges: MergeTable,
    joins: Joins,
    cache: PieceCache,
    ids: npt.NDArray[np.uint32],
    id_offsets: npt.NDArray[np.int64],
) -> bool:
    """Append the ids of the pieces that end at `ends` (kernels.pretokenize) to `ids`, and each document's end to
    `id_offsets`.

    state: number of the next piece, its start in the text, documents done, ids written. Returns False when the cache is
    full, before the next piece; True when all pieces are done. `ids` needs room for an id a byte and SLACK more.
    """
    data, out = pointer(text), pointer(ids)
    raw, joinable, pieces = raw_merges(merges), raw_joins(joins), _raw_cache(cache, len(text))
    queue_array = np.empty(5 * BATCH, np.uint64)
    queue = pointer(queue_array)
    piece, p, documents, o, k = state[0], state[1], state[2], state[3], 0
    while piece < len(ends) and pieces.used[FULL] == 0:
        end = ends[piece]
        piece += 1
        if end - p > 3 and data[p] >= 0xE0:
            left, length = decode(data, p)
            q = p + length
            while q < end:
                right, length = decode(data, q)
                if not may_join(joinable, left, right, data[q - 1], data[q]):
                    k = _enqueue(data, p, q, pieces, queue, k)
                    p = q
                    if k == BATCH:
                        o, documents = _drain(data, raw, pieces, queue, k, out, o, id_offsets, documents)
                        k = 0
                left = right
                q += length
        k = _enqueue(data, p, end, pieces, queue, k)
        p = end
        if k == BATCH:
            o, documents = _drain(data, raw, pieces, queue, k, out, o, id_offsets, documents)
            k = 0
    o, documents = _drain(data, raw, pieces, queue, k, out, o, id_offsets, documents)
    state[0], state[1], state[2], state[3] = piece, p, documents, o
    return bool(piece == len(ends) and queue_array[0] == queue[0])  # the second is true: it keeps the queue alive
