"""A byte-level BPE vocabulary's merges as tables: the rank of a pair of ids, and the id that it makes."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.hashing import GOLDEN
from dspipe.kernels.jit import entry, inline, pointer

U64, U32, I64 = np.uint64, np.uint32, np.int64
EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
NONE = np.uint32(0xFFFFFF)
"""the rank of a pair that is not merged"""
NOTHING = np.uint32(0xFFFFF)
"""no token's id: stands for the neighbours of the first and the last symbol, and for what isn't one symbol"""
MAX_ID = (1 << 20) - 2
MAX_MERGES = (1 << 24) - 2
WORK = 256
"""length of the room (uint32) that a short piece is merged in: symbols, ranks, the positions after and before each"""
BUCKET = 4
"""pairs in a bucket, half a cache line: all are compared, without a branch that would be mispredicted"""


class MergeTable(NamedTuple):
    """A vocabulary's merges.

    byte_ids    uint32[256]         id of each byte
    characters  uint32[65536]       the id as which each character may begin, or NOTHING
    made        uint32[merges]      the id that each merge makes, by rank; two merges may make the same
    pairs       uint64[4 * buckets] left << 44 | right << 24 | rank, or EMPTY; a pair is in the bucket of its hash or,
                                    while those are full, in one that follows
    """

    byte_ids: npt.NDArray[np.uint32]
    characters: npt.NDArray[np.uint32]
    made: npt.NDArray[np.uint32]
    pairs: npt.NDArray[np.uint64]


class RawMerges(NamedTuple):
    """Pointers to a MergeTable's arrays and to the room to work in (uint32[WORK]), for the inner loops."""

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
    pairs = allocate_aligned(BUCKET * buckets)
    pairs[:] = EMPTY
    _fill(np.ascontiguousarray(merges), pairs)
    made = np.append(merges[:, 2], U32(0)).astype(np.uint32)
    return MergeTable(byte_ids, _characters(byte_ids, merges), made, pairs)


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


def allocate_aligned(words: int) -> npt.NDArray[np.uint64]:
    """Zeros (uint64) from the border of a cache line on."""
    array = np.zeros(words + 8, np.uint64)
    skip = -array.ctypes.data % 64 // 8
    return array[skip : skip + words]


@inline
def _bucket(key, mask):  # type: ignore[no-untyped-def]
    return I64((key * GOLDEN >> U64(40) & mask) * U64(BUCKET))


@entry("pairs")
def _fill(merges: npt.NDArray[np.uint32], pairs: npt.NDArray[np.uint64]) -> None:
    mask = U64(len(pairs) // BUCKET - 1)
    for rank in range(len(merges)):
        key = U64(merges[rank, 0]) << U64(20) | U64(merges[rank, 1])
        i = _bucket(key, mask)
        while pairs[i] != EMPTY and pairs[i] >> U64(24) != key:
            i = (i + 1) % len(pairs)
        pairs[i] = key << U64(24) | U64(rank)


@inline
def raw_merges(table: MergeTable, work: npt.NDArray[np.uint32]) -> RawMerges:
    """Pointers to the table's arrays and to `work`; the caller keeps them alive."""
    return RawMerges(
        pointer(table.byte_ids),
        pointer(table.characters),
        pointer(table.made),
        pointer(table.pairs),
        pointer(work),
        U64(len(table.pairs) // BUCKET - 1),
    )


@inline
def rank_of(merges, left, right):  # type: ignore[no-untyped-def]
    """The rank of a pair of ids, NONE where it is not merged."""
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
