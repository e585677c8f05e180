"""Which of many keys is the same as one before it: a hash table of places, 4 to 8 bytes a key."""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.jit import jit, pointer

UInt64 = npt.NDArray[np.uint64]
Places = npt.NDArray[np.uint32]


@jit
def _first_places(first, second, table, places):  # type: ignore[no-untyped-def]
    slots, ones, others, found = pointer(table), pointer(first), pointer(second), pointer(places)
    mask = np.uint64(len(table) - 1)
    for i in range(len(places)):
        one, other = ones[i], others[i]
        slot = (one ^ (other * np.uint64(0x9E3779B97F4A7C15))) >> np.uint64(20) & mask
        while True:
            # slots hold one more than a place, so that 0 is free
            there = np.int64(slots[np.int64(slot)])
            if there == 0:
                slots[np.int64(slot)] = np.uint32(i + 1)
                found[i] = np.uint32(i)
                break
            if ones[there - 1] == one and others[there - 1] == other:
                found[i] = np.uint32(there - 1)
                break
            slot = (slot + np.uint64(1)) & mask


def first_places(first: UInt64, second: UInt64) -> Places:
    """For each key, a pair of hashes (first[i], second[i]), the place of the first that is the same, often its own.

    Raises ValueError for 2^32 - 1 keys or more.
    """
    if len(first) >= (1 << 32) - 1:
        raise ValueError(f"{len(first):,} keys are too many for one table")
    places = np.empty(len(first), np.uint32)
    # at most 3 of 4 slots are taken
    table = np.zeros(1 << (4 * len(first) // 3).bit_length(), np.uint32)
    _first_places(first, second, table, places)
    return places
