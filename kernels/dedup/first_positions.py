"""Which of many keys is the same as one before it: a hash table of positions, 4 to 8 bytes a key."""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.hashing import GOLDEN
from dspipe.kernels.jit import entry, pointer

UInt64 = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.uint32]


@entry("table", "positions")
def _find_first(first, second, table, positions):  # type: ignore[no-untyped-def]
    slots, firsts, seconds, found = pointer(table), pointer(first), pointer(second), pointer(positions)
    mask = np.uint64(len(table) - 1)
    for i in range(len(positions)):
        slot = (firsts[i] ^ (seconds[i] * GOLDEN)) >> np.uint64(20) & mask
        while True:
            # slots hold one more than a position, so that 0 is free
            earlier = np.int64(slots[np.int64(slot)]) - 1
            if earlier < 0:
                slots[np.int64(slot)] = np.uint32(i + 1)
                found[i] = np.uint32(i)
                break
            if firsts[earlier] == firsts[i] and seconds[earlier] == seconds[i]:
                found[i] = np.uint32(earlier)
                break
            slot = (slot + np.uint64(1)) & mask


def first_positions(first: UInt64, second: UInt64) -> Positions:
    """For each key, a pair of hashes (first[i], second[i]), the index of the first key that equals it: often its own.

    uint32[keys]. Raises ValueError for 2^32 - 1 keys or more.
    """
    if len(first) >= (1 << 32) - 1:
        raise ValueError(f"{len(first):,} keys are too many for one table")
    positions = np.empty(len(first), np.uint32)
    # at most 3 of 4 slots are taken
    table = np.zeros(1 << (4 * len(first) // 3).bit_length(), np.uint32)
    _find_first(first, second, table, positions)
    return positions
