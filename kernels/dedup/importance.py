"""Hashed n-gram features of texts: how often each bucket occurs, and sums over them.

Features are the units of a text (`kernels.dedup.units`: words, or characters where words aren't spaced) and each pair
of neighbouring units, hashed into buckets, as in DSIR (Xie et al. 2023, "Data selection for language models via
importance resampling", section 3.2: unigrams and bigrams, 10,000 buckets).
"""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.dedup.units import Characters, mix, scan_units
from dspipe.kernels.jit import inline, jit

Int64 = npt.NDArray[np.int64]

BLOCK = 1 << 14
"""Bytes that are read at once: the buffer of units is that of a block, however long the text."""
PAIR = np.uint64(0x9E3779B97F4A7C15)


def count_features(data: Bytes, offsets: Offsets, characters: Characters, counts: Int64) -> None:
    """Add the texts' features to `counts`, int64[buckets]."""
    sums = np.empty(len(offsets) - 1, np.int64)
    _scan(data, offsets, characters.ascii, characters.plane, counts, np.zeros(len(counts), np.int64), sums)


def sum_features(data: Bytes, offsets: Offsets, characters: Characters, values: Int64) -> Int64:
    """For each text the sum of `values`, int64[buckets], over its features."""
    sums = np.empty(len(offsets) - 1, np.int64)
    _scan(data, offsets, characters.ascii, characters.plane, np.zeros(len(values), np.int64), values, sums)
    return sums


@inline
def _bucket(value, buckets):  # type: ignore[no-untyped-def]
    return np.int64(mix(value) % buckets)


@jit
def _scan(data, offsets, ascii_hashes, plane, counts, values, sums):  # type: ignore[no-untyped-def]
    units = np.empty(BLOCK // 2 + 8, np.uint64)
    buckets = np.uint64(len(counts))
    for row in range(len(offsets) - 1):
        i, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        word, before, total = np.uint64(0), np.uint64(0), np.int64(0)
        while i < end:
            i, word, count = scan_units(data, i, min(i + BLOCK, end), end, word, ascii_hashes, plane, units, 0)
            if i >= end and word != np.uint64(0):
                units[count] = word
                count += 1
            for k in range(count):
                place = _bucket(units[k], buckets)
                counts[place] += 1
                total += values[place]
                if before != np.uint64(0):
                    place = _bucket(before * PAIR + units[k], buckets)
                    counts[place] += 1
                    total += values[place]
                before = units[k]
        sums[row] = total
