"""Hashed n-gram features of texts: how often each bucket occurs, and sums over them.

Features are the units of a text (`kernels.dedup.units`: words, or characters where words aren't spaced) and each pair
of neighbouring units, hashed into buckets, as in DSIR (Xie et al. 2023, "Data selection for language models via
importance resampling", section 3.2: unigrams and bigrams, 10,000 buckets).
"""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.dedup.units import Characters, scan_units
from dspipe.kernels.hashing import GOLDEN, quick_hash64
from dspipe.kernels.jit import entry, inline

Int64 = npt.NDArray[np.int64]

BLOCK_BYTES = 1 << 14
"""Bytes that are read at once: the buffer of units is that of a block, however long the text."""


def count_features(data: Bytes, offsets: Offsets, characters: Characters, counts: Int64) -> None:
    """Add the texts' features to `counts`, int64[buckets]."""
    sums = np.empty(len(offsets) - 1, np.int64)
    _scan(data, offsets, characters, counts, np.zeros(len(counts), np.int64), sums)


def sum_features(data: Bytes, offsets: Offsets, characters: Characters, values: Int64) -> Int64:
    """For each text the sum of `values`, int64[buckets], over its features."""
    sums = np.empty(len(offsets) - 1, np.int64)
    _scan(data, offsets, characters, np.zeros(len(values), np.int64), values, sums)
    return sums


@inline
def _bucket(value, buckets):  # type: ignore[no-untyped-def]
    return np.int64(quick_hash64(value) % buckets)


@entry("counts", "sums")
def _scan(data, offsets, characters, counts, values, sums):  # type: ignore[no-untyped-def]
    units = np.empty(BLOCK_BYTES // 2 + 8, np.uint64)
    buckets = np.uint64(len(counts))
    for row in range(len(offsets) - 1):
        i, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        word, before, total = np.uint64(0), np.uint64(0), np.int64(0)
        while i < end:
            i, word, count = scan_units(data, i, min(i + BLOCK_BYTES, end), end, word, characters, units, 0)
            if i >= end and word != np.uint64(0):
                units[count] = word
                count += 1
            for k in range(count):
                bucket = _bucket(units[k], buckets)
                counts[bucket] += 1
                total += values[bucket]
                if before != np.uint64(0):
                    bucket = _bucket(before * GOLDEN + units[k], buckets)
                    counts[bucket] += 1
                    total += values[bucket]
                before = units[k]
        sums[row] = total
