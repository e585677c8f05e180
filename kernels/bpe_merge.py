"""Merging the bytes of one piece by the ranks of a byte-level BPE vocabulary.

The rule, as everywhere: of all pairs of neighbours that the vocabulary merges, the one of lowest rank, leftmost first,
until there is none. Short pieces look through all their pairs each time; long ones keep a heap, so that a piece of n
bytes takes n log n steps, however uniform.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.jit import inline, jit, pointer

U64, U32, I64 = np.uint64, np.uint32, np.int64
EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
NONE = np.uint32(0xFFFFFFFF)
MAX_ID = (1 << 20) - 1
MAX_MERGES = (1 << 24) - 2
SHORT = 40
"""longest piece, in bytes, that is merged without a heap"""


class MergeTable(NamedTuple):
    """A vocabulary's merges.

    byte_ids    uint32[256]     the id of each byte
    made        uint32[merges]  the id that each merge makes, by rank; two merges may make the same
    pairs       uint64[slots]   open addressing, slots a power of two: left << 44 | right << 24 | rank, or EMPTY
    of_bytes    uint32[65536]   rank of the merge of two bytes (first << 8 | second), or NONE
    work        uint32[128]     room for a short piece: symbols, then ranks
    """

    byte_ids: npt.NDArray[np.uint32]
    made: npt.NDArray[np.uint32]
    pairs: npt.NDArray[np.uint64]
    of_bytes: npt.NDArray[np.uint32]
    work: npt.NDArray[np.uint32]


class RawMerges(NamedTuple):
    """Pointers to a MergeTable's arrays, for the inner loops."""

    byte_ids: npt.NDArray[np.uint32]
    made: npt.NDArray[np.uint32]
    pairs: npt.NDArray[np.uint64]
    of_bytes: npt.NDArray[np.uint32]
    work: npt.NDArray[np.uint32]
    mask: np.uint64


def merge_table(byte_ids: npt.NDArray[np.uint32], merges: npt.NDArray[np.uint32]) -> MergeTable:
    """The table of merges: rows (left id, right id, id made) by rank; of rows with the same pair, the last counts."""
    if len(merges) > MAX_MERGES or (len(merges) and merges.max() > MAX_ID) or byte_ids.max() > MAX_ID:
        raise ValueError(f"at most {MAX_MERGES} merges and ids up to {MAX_ID}")
    slots = max(4, 1 << (2 * len(merges)).bit_length())
    pairs, of_bytes = np.full(slots, EMPTY), np.full(1 << 16, NONE)
    _fill(np.ascontiguousarray(merges), byte_ids, pairs, of_bytes)
    made = np.append(merges[:, 2], U32(0)).astype(np.uint32)
    return MergeTable(byte_ids, made, pairs, of_bytes, np.zeros(128, np.uint32))


@inline
def _slot(key, mask):  # type: ignore[no-untyped-def]
    return key * U64(0x9E3779B97F4A7C15) >> U64(40) & mask


@jit
def _fill(
    merges: npt.NDArray[np.uint32],
    byte_ids: npt.NDArray[np.uint32],
    pairs: npt.NDArray[np.uint64],
    of_bytes: npt.NDArray[np.uint32],
) -> None:
    mask = U64(len(pairs) - 1)
    for rank in range(len(merges)):
        key = U64(merges[rank, 0]) << U64(20) | U64(merges[rank, 1])
        i = _slot(key, mask)
        while pairs[i] != EMPTY and pairs[i] >> U64(24) != key:
            i = i + U64(1) & mask
        pairs[i] = key << U64(24) | U64(rank)
    for left in range(256):
        for right in range(256):
            key = U64(byte_ids[left]) << U64(20) | U64(byte_ids[right])
            i = _slot(key, mask)
            while pairs[i] != EMPTY and pairs[i] >> U64(24) != key:
                i = i + U64(1) & mask
            if pairs[i] != EMPTY:
                of_bytes[left << 8 | right] = U32(pairs[i] & U64(0xFFFFFF))


@inline
def raw_merges(table: MergeTable) -> RawMerges:
    """Pointers to the table's arrays; the caller keeps the table alive."""
    return RawMerges(
        pointer(table.byte_ids),
        pointer(table.made),
        pointer(table.pairs),
        pointer(table.of_bytes),
        pointer(table.work),
        U64(len(table.pairs) - 1),
    )


@inline
def _rank(merges, left, right):  # type: ignore[no-untyped-def]
    key = U64(left) << U64(20) | U64(right)
    i = _slot(key, merges.mask)
    while True:
        entry = merges.pairs[i]
        if entry >> U64(24) == key:
            return U32(entry & U64(0xFFFFFF))
        if entry == EMPTY:
            return NONE
        i = i + U64(1) & merges.mask


@jit
def merge_short(text, start, n, merges):  # type: ignore[no-untyped-def]
    """Merge the n <= SHORT bytes from `start`; the ids are left in merges.work, their number is returned."""
    symbols = merges.work
    # ranks[64 + i] = rank of the pair at i << 8 | i: the smallest is the leftmost of the lowest rank
    for i in range(n - 1):
        left, right = I64(text[start + i]), I64(text[start + i + 1])
        symbols[i] = merges.byte_ids[left]
        symbols[64 + i] = merges.of_bytes[left << 8 | right] << U32(8) | U32(i)
    symbols[n - 1] = merges.byte_ids[I64(text[start + n - 1])]
    while n > 1:
        best = NONE
        for i in range(n - 1):
            best = min(best, symbols[64 + i])
        if best >= U32(0xFFFFFF00):
            break
        at = I64(best & U32(255))
        symbols[at] = merges.made[best >> U32(8)]
        n -= 1
        for j in range(at + 1, n):
            symbols[j] = symbols[j + 1]
            symbols[64 + j] = symbols[64 + j + 1] - U32(1)
        if at + 1 < n:
            symbols[64 + at] = _rank(merges, symbols[at], symbols[at + 1]) << U32(8) | U32(at)
        if at > 0:
            symbols[63 + at] = _rank(merges, symbols[at - 1], symbols[at]) << U32(8) | U32(at - 1)
    return n


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
def merge_long(text, start, n, merges, ids, o):  # type: ignore[no-untyped-def]
    """Merge the n bytes from `start`, append the ids at ids[o]; returns the new o. Needs up to 28 bytes of memory
    a byte."""
    symbols = np.empty(n, np.uint32)
    after, before = np.empty(n, np.int32), np.empty(n, np.int32)
    # rank << 32 | position; an entry that its pair has outlived is skipped. Each of at most n - 1 merges takes an entry
    # and adds up to two, so 2n have room.
    heap = np.empty(2 * n, np.uint64)
    size = 0
    for i in range(n):
        symbols[i] = merges.byte_ids[I64(text[start + i])]
        after[i], before[i] = i + 1, i - 1
    for i in range(n - 1):
        rank = _rank(merges, symbols[i], symbols[i + 1])
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
        if symbols[at] == NONE or j >= n or _rank(merges, symbols[at], symbols[j]) != rank:
            continue
        k, left = I64(after[j]), I64(before[at])
        symbols[at], symbols[j], after[at] = merges.made[rank], NONE, k
        if k < n:
            before[k] = at
            rank = _rank(merges, symbols[at], symbols[k])
            if rank != NONE:
                heap[size] = U64(rank) << U64(32) | U64(at)
                _sift_up(heap, size)
                size += 1
        if left >= 0:
            rank = _rank(merges, symbols[left], symbols[at])
            if rank != NONE:
                heap[size] = U64(rank) << U64(32) | U64(left)
                _sift_up(heap, size)
                size += 1
    for i in range(n):
        if symbols[i] != NONE:
            ids[o] = symbols[i]
            o += 1
    return o
