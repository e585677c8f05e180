"""Merging the bytes of one piece by the ranks of a byte-level BPE vocabulary.

The rule, as everywhere: of all pairs of neighbours that the vocabulary merges, the one of lowest rank, leftmost first,
until there is none. Short pieces look through all their pairs each time; long ones keep a heap, so that a piece of n
bytes takes n log n steps, however uniform.

A character begins as one symbol where this changes nothing. Two things make sure of it: no token that holds only a part
of a character spans one of its borders, so its bytes merge as if it stood alone; and every merge of the token that they
become ranks after those that make it, so that having it early brings no merge forward. Chinese then begins with a third
of the symbols, and is merged three to five times as fast.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.bpe_cut import part_may_join
from kernels.character_classes import decode
from kernels.jit import inline, jit, pointer

U64, U32, I64 = np.uint64, np.uint32, np.int64
EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
NONE = np.uint32(0xFFFFFF)
"""the rank of a pair that is not merged"""
NOTHING = np.uint32(0xFFFFF)
"""no token's id: stands before the first and after the last symbol, and for what begins as bytes or is gone"""
NO_PAIR = np.uint32(0xFFFFFFFF)
MAX_ID = (1 << 20) - 2
MAX_MERGES = (1 << 24) - 2
BUCKET = 4
"""pairs in a bucket, half a cache line: all are compared, without a branch that would be mispredicted"""
SHORT = 62
"""longest piece, in symbols, that is merged without a heap"""
RANKS, NEXT, PREVIOUS = 64, 128, 192
"""where the parts of a short piece's work begin, after its symbols"""


class MergeTable(NamedTuple):
    """A vocabulary's merges.

    byte_ids    uint32[256]         id of each byte
    characters  uint32[65536]       the id as which each character may begin, or NOTHING
    made        uint32[merges]      the id that each merge makes, by rank; two merges may make the same
    pairs       uint64[4 * buckets] left << 44 | right << 24 | rank, or EMPTY; a pair is in the bucket of its hash or,
                                    while those are full, in one that follows
    work        uint32[256]         room for a short piece: symbols, ranks, the positions after and before each
    """

    byte_ids: npt.NDArray[np.uint32]
    characters: npt.NDArray[np.uint32]
    made: npt.NDArray[np.uint32]
    pairs: npt.NDArray[np.uint64]
    work: npt.NDArray[np.uint32]


class RawMerges(NamedTuple):
    """Pointers to a MergeTable's arrays, for the inner loops."""

    byte_ids: npt.NDArray[np.uint32]
    characters: npt.NDArray[np.uint32]
    made: npt.NDArray[np.uint32]
    pairs: npt.NDArray[np.uint64]
    work: npt.NDArray[np.uint32]
    mask: np.uint64


def merge_table(byte_ids: npt.NDArray[np.uint32], merges: npt.NDArray[np.uint32]) -> MergeTable:
    """The table of merges: rows (left id, right id, id made) by rank; of rows with the same pair, the last counts."""
    if len(merges) > MAX_MERGES or (len(merges) and merges.max() > MAX_ID) or byte_ids.max() > MAX_ID:
        raise ValueError(f"at most {MAX_MERGES} merges and ids up to {MAX_ID}")
    buckets = max(2, 1 << (2 * len(merges) // BUCKET).bit_length())
    pairs = aligned(BUCKET * buckets)
    pairs[:] = EMPTY
    _fill(np.ascontiguousarray(merges), pairs)
    made = np.append(merges[:, 2], U32(0)).astype(np.uint32)
    return MergeTable(byte_ids, _characters(byte_ids, merges), made, pairs, np.zeros(256, np.uint32))


def _characters(byte_ids: npt.NDArray[np.uint32], merges: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """The id that the bytes of each character of up to 3 bytes become by themselves, where no merge of it ranks before
    one that makes it; else NOTHING."""
    absent, made = len(merges), np.append(merges[:, 2], NOTHING)
    keys = merges[:, 0].astype(np.uint64) << U64(20) | merges[:, 1]
    by_key = np.argsort(keys, kind="stable")
    sorted_keys = np.append(keys[by_key], EMPTY)

    def ranks(left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
        wanted = left.astype(np.uint64) << U64(20) | right
        last = np.searchsorted(sorted_keys, wanted, "right") - 1
        return np.where(sorted_keys[last] == wanted, np.append(by_key, absent)[last], absent)

    first_use = np.full(MAX_ID + 2, absent)
    np.minimum.at(first_use, merges[:, :2], np.arange(absent)[:, None])
    first_use[NOTHING] = 0
    character = np.arange(0x80, 0x10000)
    of_two = character < 0x800
    lead = byte_ids[np.where(of_two, 0xC0 | character >> 6 & 31, 0xE0 | character >> 12)]
    second = byte_ids[np.where(of_two, 0x80 | character & 63, 0x80 | character >> 6 & 63)]
    third = np.where(of_two, NOTHING, byte_ids[0x80 | character & 63])
    front, back = ranks(lead, second), ranks(second, third)
    earlier = np.minimum(front, back)
    joined = made[earlier]
    later = ranks(np.where(front < back, joined, lead), np.where(front < back, third, joined))
    latest = np.where(of_two, front, np.maximum(earlier, later))
    whole = made[np.where(of_two, front, later)]
    return np.append(byte_ids[:0x80], np.where(latest < first_use[whole], whole, NOTHING)).astype(np.uint32)


def aligned(words: int) -> npt.NDArray[np.uint64]:
    """Zeros (uint64) from the border of a cache line on."""
    array = np.zeros(words + 8, np.uint64)
    skip = -array.ctypes.data % 64 // 8
    return array[skip : skip + words]


@inline
def _bucket(key, mask):  # type: ignore[no-untyped-def]
    return I64((key * U64(0x9E3779B97F4A7C15) >> U64(40) & mask) * U64(BUCKET))


@jit
def _fill(merges: npt.NDArray[np.uint32], pairs: npt.NDArray[np.uint64]) -> None:
    mask = U64(len(pairs) // BUCKET - 1)
    for rank in range(len(merges)):
        key = U64(merges[rank, 0]) << U64(20) | U64(merges[rank, 1])
        i = _bucket(key, mask)
        while pairs[i] != EMPTY and pairs[i] >> U64(24) != key:
            i = (i + 1) % len(pairs)
        pairs[i] = key << U64(24) | U64(rank)


@inline
def raw_merges(table: MergeTable) -> RawMerges:
    """Pointers to the table's arrays; the caller keeps the table alive."""
    return RawMerges(
        pointer(table.byte_ids),
        pointer(table.characters),
        pointer(table.made),
        pointer(table.pairs),
        pointer(table.work),
        U64(len(table.pairs) // BUCKET - 1),
    )


@inline
def _rank(merges, left, right):  # type: ignore[no-untyped-def]
    key = U64(left) << U64(20) | U64(right)
    i, shifted = _bucket(key, merges.mask), key << U64(24)
    while True:
        # an entry of this pair leaves its rank, any other one or more of the upper 40 bits
        first = min(merges.pairs[i] ^ shifted, merges.pairs[i + 1] ^ shifted)
        second = min(merges.pairs[i + 2] ^ shifted, merges.pairs[i + 3] ^ shifted)
        found = min(first, second)
        if found <= U64(NONE) or merges.pairs[i + BUCKET - 1] == EMPTY:
            return U32(min(found, U64(NONE)))
        i = i + BUCKET & I64(merges.mask) * BUCKET


@jit
def _symbols(text, start, n, merges, joins, symbols, o):  # type: ignore[no-untyped-def]
    """Write what the n bytes from `start` begin as to symbols[o:]; returns where they end."""
    p, end = start, start + n
    character, length = decode(text, p)
    alone = True  # no part of a character joins across the border before this one
    while p < end:
        q = p + length
        following, following_length, alone_after = I64(0), 1, True
        if q < end:
            following, following_length = decode(text, q)
            if length > 1 or following_length > 1:
                alone_after = not part_may_join(joins, character, following, text[q - 1], text[q])
        symbol = merges.characters[character & 0xFFFF] if length < 4 and alone and alone_after else NOTHING
        if symbol != NOTHING:
            symbols[o] = symbol
            o += 1
        else:
            for i in range(p, q):
                symbols[o] = merges.byte_ids[I64(text[i])]
                o += 1
        p, character, length, alone = q, following, following_length, alone_after
    return o


@jit
def merge(text, start, n, merges, joins, ids, o):  # type: ignore[no-untyped-def]
    """Merge the n bytes from `start`, append the ids at ids[o]; returns the new o. Needs up to 24 bytes of memory
    a byte; ids[o + n] must exist."""
    count = _symbols(text, start, n, merges, joins, ids, o) - o
    if count <= SHORT:
        return _merge_short(count, merges, ids, o)
    return _merge_long(count, merges, ids, o)


@jit
def _merge_short(n, merges, ids, o):  # type: ignore[no-untyped-def]
    """Merge the n <= SHORT symbols at ids[o], in place; returns where they end."""
    # positions are 1 to n; ranks[i] = rank of the pair at i << 8 | i: the smallest is the leftmost of the lowest rank
    work = merges.work
    work[0] = work[n + 1] = NOTHING
    for i in range(1, n + 1):
        work[i] = ids[o + i - 1]
        work[NEXT + i], work[PREVIOUS + i] = i + 1, i - 1
    best = NO_PAIR
    for i in range(1, n):
        packed = _rank(merges, work[i], work[i + 1]) << U32(8) | U32(i)
        work[RANKS + i] = packed
        best = min(best, packed)
    while best >> U32(8) != NONE:
        at = I64(best & U32(255))
        right, before = I64(work[NEXT + at]), I64(work[PREVIOUS + at])
        after = I64(work[NEXT + right])
        made = merges.made[best >> U32(8)]
        # the smallest of the others, before anything is stored: a wide load of what was just stored has to wait
        best = NO_PAIR
        for i in range(1, n):
            packed = work[RANKS + i]
            packed = NO_PAIR if i == at else packed
            packed = NO_PAIR if i == right else packed
            packed = NO_PAIR if i == before else packed
            best = min(best, packed)
        at_rank = _rank(merges, made, work[after]) << U32(8) | U32(at)
        before_rank = _rank(merges, work[before], made) << U32(8) | U32(before)
        work[at] = made
        work[NEXT + at], work[PREVIOUS + after] = after, at
        work[RANKS + right], work[RANKS + at], work[RANKS + before] = NO_PAIR, at_rank, before_rank
        best = min(best, min(at_rank, before_rank))
    at = I64(1)
    while at <= n:
        ids[o] = work[at]
        o += 1
        at = I64(work[NEXT + at])
    return o


@jit
def _sift_up(heap, i):  # type: ignore[no-untyped-def]
    entry = heap[i]
    while i > 0:
        parent = (i - 1) >> 1
        if heap[parent] <= entry:
            break
        heap[i] = heap[parent]
        i = parent
    heap[i] = entry


@jit
def _sift_down(heap, i, n):  # type: ignore[no-untyped-def]
    entry = heap[i]
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and heap[child + 1] < heap[child]:
            child += 1
        if entry <= heap[child]:
            break
        heap[i] = heap[child]
        i = child
    heap[i] = entry


@jit
def _merge_long(n, merges, ids, o):  # type: ignore[no-untyped-def]
    """Merge the n symbols at ids[o], in place; returns where they end."""
    after, before = np.empty(n, np.int32), np.empty(n, np.int32)
    # rank << 32 | position; an entry that its pair has outlived is skipped. Each of at most n - 1 merges takes an entry
    # and adds up to two, so 2n have room.
    heap = np.empty(2 * n, np.uint64)
    size = 0
    for i in range(n):
        after[i], before[i] = i + 1, i - 1
    for i in range(n - 1):
        rank = _rank(merges, ids[o + i], ids[o + i + 1])
        if rank != NONE:
            heap[size] = U64(rank) << U64(32) | U64(i)
            size += 1
    for i in range(size // 2 - 1, -1, -1):
        _sift_down(heap, i, size)
    while size > 0:
        entry = heap[0]
        size -= 1
        heap[0] = heap[size]
        _sift_down(heap, 0, size)
        at, rank = I64(entry & U64(0xFFFFFFFF)), U32(entry >> U64(32))
        j = I64(after[at])
        if ids[o + at] == NOTHING or j >= n or _rank(merges, ids[o + at], ids[o + j]) != rank:
            continue
        k, left = I64(after[j]), I64(before[at])
        ids[o + at], ids[o + j], after[at] = merges.made[rank], NOTHING, k
        if k < n:
            before[k] = at
            rank = _rank(merges, ids[o + at], ids[o + k])
            if rank != NONE:
                heap[size] = U64(rank) << U64(32) | U64(at)
                _sift_up(heap, size)
                size += 1
        if left >= 0:
            rank = _rank(merges, ids[o + left], ids[o + at])
            if rank != NONE:
                heap[size] = U64(rank) << U64(32) | U64(left)
                _sift_up(heap, size)
                size += 1
    end = o
    for i in range(n):
        symbol = ids[o + i]
        if symbol != NOTHING:
            ids[end] = symbol
            end += 1
    return end
