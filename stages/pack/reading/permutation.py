"""Seeded permutations without a table, numpy only."""

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]

ROUNDS = 6
"""Feistel rounds of the epoch shuffle. With 4, pseudorandom round functions give a strong pseudorandom permutation
(Luby and Rackoff 1988); two more pay for a round function that is only a good mixer."""


def permute(position: Int64, size: int, seed: int, epoch: int) -> Int64:
    """Where a seeded permutation of 0..size puts these positions; no table, whatever the size.

    A Feistel network over the next power of four, walked on until it lands within (Black and Rogaway 2002).
    """
    half = np.uint64(max(1, (max(size - 1, 1).bit_length() + 1) // 2))
    mask = np.uint64((1 << int(half)) - 1)
    state = np.array([(seed * 0x9E3779B97F4A7C15 + epoch) & (2**64 - 1)], np.uint64)
    keys = []
    for _ in range(ROUNDS):
        state = _mix(state + np.uint64(0x9E3779B97F4A7C15))
        keys.append(state)
    value = position.astype(np.uint64)
    outside = np.arange(len(value))
    while len(outside):
        left, right = value[outside] >> half, value[outside] & mask
        for key in keys:
            left, right = right, left ^ (_mix(right + key) & mask)
        value[outside] = left << half | right
        outside = outside[value[outside] >= size]
    return value.astype(np.int64)


def _mix(value: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """SplitMix64's output function, as in `kernels.hashing`, which a trainer without numba can't import."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
