"""Encoding pieces to token ids: a cache of pieces seen, and merges for those that are not in it.

256 pieces are queued, so that their lines of the cache are on the way from memory while others are looked up. Pieces
of more than 256 bytes are merged each time. What is in the cache never changes an id.

Some vocabularies have tokens that no merges make, and a piece that is such a token is that one (kernels.bpe.whole).
Where there are any, the parts of a piece that was cut are marked, since they may be no such token, though they have its
bytes.
"""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.bpe.character_classes import decode
from dspipe.kernels.bpe.cut import Joins, may_join, raw_joins
from dspipe.kernels.bpe.merge import merge
from dspipe.kernels.bpe.piece_cache import (
    MAX_CACHED_BYTES,
    MAX_SHORT_BYTES,
    PieceCache,
    find_long,
    find_short,
    keep_long,
    keep_short,
    long_line,
    pack,
    raw_cache,
    short_line,
)
from dspipe.kernels.bpe.table import WORK, MergeTable, raw_merges
from dspipe.kernels.bpe.whole import WholeTokens, find_whole, raw_whole
from dspipe.kernels.hashing import XXHASH, hash_long_piece
from dspipe.kernels.jit import entry, inline, jit, pointer, prefetch

U64, U32, I64 = np.uint64, np.uint32, np.int64
BATCH = 256
SLACK = 4
"""ids that may be written past the last one"""
PART = np.uint64(1 << 63)
"""mark of a part of a piece: in the second word of a short one, where the length takes fewer bits"""
PART_HASH = XXHASH
"""likewise, mixed into the hash of a long one"""


@inline
def _enqueue(text, start, end, part, size, cache, queue, k):  # type: ignore[no-untyped-def]
    """Queue a piece (start, length, line of the cache, two words, or a hash and the mark) and ask for its line."""
    n = end - start
    queue[5 * k], queue[5 * k + 1] = U64(start), U64(n)
    if n > MAX_SHORT_BYTES:
        key = hash_long_piece(text, start, n)
        if part != U64(0):
            key ^= PART_HASH
        line = long_line(key, cache)
        prefetch(cache.long, line)
        queue[5 * k + 2], queue[5 * k + 3], queue[5 * k + 4] = U64(line), key, part
    elif n > 0:
        low, high = pack(text, start, n, size)
        high |= part
        line = short_line(low, high, cache)
        prefetch(cache.short, line)
        queue[5 * k + 2], queue[5 * k + 3], queue[5 * k + 4] = U64(line), low, high
    return k + 1


@jit
def _merge_piece(text, start, n, part, merges, joins, whole, ids, o):  # type: ignore[no-untyped-def]
    """Append the ids of a piece, or a part of one, that isn't in the cache."""
    if part == U64(0):
        token = find_whole(text, start, n, whole)
        if token >= 0:
            ids[o] = U32(token)
            return o + 1
    return merge(text, start, n, merges, joins, ids, o)


@jit
def _encode_new(text, start, n, merges, joins, whole, cache, line, low, high, ids, o):  # type: ignore[no-untyped-def]
    """Merge a piece of at most MAX_SHORT_BYTES bytes that isn't in the cache, keep it, append its ids."""
    end = _merge_piece(text, start, n, high & PART, merges, joins, whole, ids, o)
    keep_short(cache, line, low, high, ids, o, end - o)
    return end


@jit
def _encode_long(text, start, n, part, merges, joins, whole, cache, line, key, ids, o):  # type: ignore[no-untyped-def]
    """Append the ids of a piece of more than MAX_SHORT_BYTES bytes."""
    if n > MAX_CACHED_BYTES:
        return _merge_piece(text, start, n, part, merges, joins, whole, ids, o)
    end = find_long(cache, line, key, text, start, n, ids, o)
    if end < 0:
        end = _merge_piece(text, start, n, part, merges, joins, whole, ids, o)
        keep_long(cache, line, key, text, start, n, ids, o, end - o)
    return end


@jit
def _drain(text, merges, joins, whole, cache, queue, k, ids, o, id_offsets, documents):  # type: ignore[no-untyped-def]
    """Append the ids of the queued pieces; a piece of no bytes ends a document."""
    for item in range(0, 5 * k, 5):
        start, n, line = I64(queue[item]), I64(queue[item + 1]), I64(queue[item + 2])
        if n == 0:
            documents += 1
            id_offsets[documents] = o
        elif n <= MAX_SHORT_BYTES:
            low, high = queue[item + 3], queue[item + 4]
            end = find_short(cache, line, low, high, ids, o)
            o = end if end >= 0 else _encode_new(text, start, n, merges, joins, whole, cache, line, low, high, ids, o)
        else:
            key, part = queue[item + 3], queue[item + 4]
            o = _encode_long(text, start, n, part, merges, joins, whole, cache, line, key, ids, o)
    return o, documents


@entry("state", "cache", "ids", "id_offsets")
def encode_pieces(
    text: npt.NDArray[np.uint8],
    ends: npt.NDArray[np.int64],
    state: npt.NDArray[np.int64],
    merges: MergeTable,
    joins: Joins,
    whole: WholeTokens,
    cache: PieceCache,
    ids: npt.NDArray[np.uint32],
    id_offsets: npt.NDArray[np.int64],
) -> None:
    """Append the ids of the pieces that end at `ends` (kernels.bpe.pretokenize) to `ids`, and each document's end to
    `id_offsets`.

    state: start of the next piece in the text, documents done, ids written. `ids` needs room for an id a byte and SLACK
    more.
    """
    data, out = pointer(text), pointer(ids)
    queue_array, work_array = np.empty(5 * BATCH, np.uint64), np.empty(WORK, np.uint32)
    raw, joinable, pieces = raw_merges(merges, work_array), raw_joins(joins), raw_cache(cache)
    tokens = raw_whole(whole)
    mark = PART if tokens.longest > 0 else U64(0)
    queue = pointer(queue_array)
    p, documents, o, k = state[0], state[1], state[2], 0
    for piece in range(len(ends)):
        end, part = ends[piece], U64(0)
        if end - p > 3 and data[p] >= 0xE0:
            left, length = decode(data, p)
            q = p + length
            while q < end:
                right, length = decode(data, q)
                if not may_join(joinable, left, right, data[q - 1], data[q]):
                    part = mark
                    k = _enqueue(data, p, q, part, len(text), pieces, queue, k)
                    p = q
                    if k == BATCH:
                        o, documents = _drain(
                            data, raw, joinable, tokens, pieces, queue, k, out, o, id_offsets, documents
                        )
                        k = 0
                left = right
                q += length
        k = _enqueue(data, p, end, part, len(text), pieces, queue, k)
        p = end
        if k == BATCH:
            o, documents = _drain(data, raw, joinable, tokens, pieces, queue, k, out, o, id_offsets, documents)
            k = 0
    o, documents = _drain(data, raw, joinable, tokens, pieces, queue, k, out, o, id_offsets, documents)
    state[0], state[1], state[2] = p, documents, o
    queue_array[0], work_array[0] = U64(0), U32(0)  # the last uses: both arrays must live until here
