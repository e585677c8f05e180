"""Merging the bytes of one piece by the ranks of a byte-level BPE vocabulary.

The rule, as everywhere: of all pairs of neighbours that the vocabulary merges, the one of lowest rank, leftmost first,
until there is none. Short pieces look through all their pairs each time; long ones keep a heap, so that a piece of n
bytes takes n log n steps, however uniform.

A character begins as one symbol where this changes nothing. Two things make sure of it: no token that holds only a part
of a character spans one of its borders, so its bytes merge as if it stood alone; and every merge of the token that they
become ranks after those that make it, so that having it early brings no merge forward. Chinese then begins with a third
of the symbols, and is merged three to five times as fast.
"""

import numpy as np

from dspipe.kernels.bpe.character_classes import decode
from dspipe.kernels.bpe.cut import part_may_join
from dspipe.kernels.bpe.table import NONE, NOTHING, rank_of
from dspipe.kernels.jit import jit

U64, U32, I64 = np.uint64, np.uint32, np.int64
NO_PAIR = np.uint32(0xFFFFFFFF)
SHORT = 62
"""longest piece, in symbols, that is merged without a heap"""
RANKS, NEXT, PREVIOUS = 64, 128, 192
"""where the parts of a short piece's work begin, after its symbols"""


@jit
def _write_symbols(text, start, n, merges, joins, symbols, o):  # type: ignore[no-untyped-def]
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
    count = _write_symbols(text, start, n, merges, joins, ids, o) - o
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
        packed = rank_of(merges, work[i], work[i + 1]) << U32(8) | U32(i)
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
        at_rank = rank_of(merges, made, work[after]) << U32(8) | U32(at)
        before_rank = rank_of(merges, work[before], made) << U32(8) | U32(before)
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
        rank = rank_of(merges, ids[o + i], ids[o + i + 1])
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
        if ids[o + at] == NOTHING or j >= n or rank_of(merges, ids[o + at], ids[o + j]) != rank:
            continue
        k, left = I64(after[j]), I64(before[at])
        ids[o + at], ids[o + j], after[at] = merges.made[rank], NOTHING, k
        if k < n:
            before[k] = at
            rank = rank_of(merges, ids[o + at], ids[o + k])
            if rank != NONE:
                heap[size] = U64(rank) << U64(32) | U64(at)
                _sift_up(heap, size)
                size += 1
        if left >= 0:
            rank = rank_of(merges, ids[o + left], ids[o + at])
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
