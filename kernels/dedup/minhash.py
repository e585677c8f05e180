"""MinHash signatures and band keys from Arrow text (Broder 1997; bands as in Leskovec et al., section 3.4).

A document is the set of its shingles: every run of `shingle` units (see kernels.dedup.units), hashed to 32 bits. A
signature holds, for each of m permutations x -> a x + b mod 2^32 (a odd), the minimum over the set. The share of
positions at which two signatures are equal estimates the Jaccard similarity J with a standard error of
sqrt(J (1 - J) / m).

    no longer than a shingle    compared whole: a signature drawn from a 64-bit hash of all units. Made from the 32 bits
                                of one shingle, 1e8 such documents would hold a million pairs equal by chance
    no units at all             no signature: the document resembles nothing
    longer than LONGEST units   compared by its first LONGEST units, so that it can't fill the 32-bit space

Permutations are fixed, so signatures of different runs can be compared. All arithmetic is on integers: the same bits on
every machine.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.dedup.units import Characters, Hashes, characters, scan_units, scan_units_and_symbols
from dspipe.kernels.hashing import DEGSKI, GOLDEN, KNUTH, hash64_array, quick_hash64
from dspipe.kernels.jit import entry, inline

Signatures = npt.NDArray[np.uint32]
"""uint32[documents, permutations]; a row of EMPTY for a document without units"""

EMPTY = 0xFFFFFFFF
LONGEST = 1 << 22
LANES = 16
"""permutations are computed in multiples of this: 512 bits of uint32"""
_BLOCK_BYTES = 1 << 14
"""bytes scanned at a time: their units and shingles (96 KiB) stay in the second-level cache"""


@cache
def permutations(count: int) -> tuple[Signatures, Signatures]:
    """Factors (odd) and offsets, uint32[count] each, from SplitMix64 (Steele et al. 2014) with a fixed start."""
    x = hash64_array(np.arange(1, 2 * count + 1, dtype=np.uint64) * GOLDEN + KNUTH)
    values = (x >> np.uint64(32)).astype(np.uint32).reshape(count, 2)
    return np.ascontiguousarray(values[:, 0] | np.uint32(1)), np.ascontiguousarray(values[:, 1])


def signatures(
    data: Bytes, offsets: Offsets, shingle: int, count: int, longest: int = LONGEST, symbols: bool = False
) -> tuple[Signatures, npt.NDArray[np.uint32]]:
    """Signatures of `count` permutations, and the number of units (uint32) of each document, at most `longest`.

    `symbols`: operators and punctuation are units too (kernels.dedup.units). `data` and `offsets` are a text column
    (kernels.arrow.text_buffers). Memory besides the result: a constant.
    """
    lanes = -(-count // LANES) * LANES
    factors, shifts = permutations(lanes)
    result = np.empty((len(offsets) - 1, lanes), np.uint32)
    units = np.zeros(len(offsets) - 1, np.uint32)
    _sign(data, offsets, np.int64(shingle), np.int64(longest), factors, shifts, characters(symbols), result, units)
    return (result if lanes == count else np.ascontiguousarray(result[:, :count])), units


@inline
def _hash_shingles(units, count, width, out):  # type: ignore[no-untyped-def]
    """Hash every run of `width` units to 32 bits. Not rolling: without a chain from one to the next it vectorizes."""
    total = count - width + 1
    if width == 5:
        p2 = GOLDEN * GOLDEN
        p3, p4 = p2 * GOLDEN, p2 * p2
        for j in range(total):
            x = units[j] * p4 + units[j + 1] * p3 + units[j + 2] * p2 + units[j + 3] * GOLDEN + units[j + 4]
            out[j] = np.uint32(quick_hash64(x) >> np.uint64(32))
    else:
        for j in range(total):
            x = np.uint64(0)
            for q in range(width):
                x = x * GOLDEN + units[j + q]
            out[j] = np.uint32(quick_hash64(x) >> np.uint64(32))
    return total


@inline
def _lower_signature(signature, values, count, factors, shifts):  # type: ignore[no-untyped-def]
    """Lower each value of a signature to the minimum of it and its permutation of `count` shingle hashes: four at a
    time, the inner loop over the permutations vectorized."""
    lanes = factors.shape[0]
    whole = count - count % 4
    for i in range(0, whole, 4):
        v0, v1, v2, v3 = values[i], values[i + 1], values[i + 2], values[i + 3]
        for p in range(lanes):
            factor, shift = factors[p], shifts[p]
            x = min(np.uint32(v0 * factor + shift), np.uint32(v1 * factor + shift))
            y = min(np.uint32(v2 * factor + shift), np.uint32(v3 * factor + shift))
            signature[p] = min(signature[p], min(x, y))
    for i in range(whole, count):
        v0 = values[i]
        for p in range(lanes):
            signature[p] = min(signature[p], np.uint32(v0 * factors[p] + shifts[p]))


@entry("result", "unit_counts")
def _sign(
    data: Bytes,
    offsets: Offsets,
    width: np.int64,
    longest: np.int64,
    factors: Signatures,
    shifts: Signatures,
    table: Characters,
    result: Signatures,
    unit_counts: npt.NDArray[np.uint32],
) -> None:
    units = np.empty(_BLOCK_BYTES // 2 + 2 + width, np.uint64)
    values = np.empty(_BLOCK_BYTES // 2 + 2 + width, np.uint32)
    for document in range(offsets.shape[0] - 1):
        signature = result[document]
        signature[:] = np.uint32(EMPTY)
        i, end = offsets[document], offsets[document + 1]
        word, carried, total = np.uint64(0), np.int64(0), np.int64(0)
        while i < end and total < longest:
            if table.symbols:
                stop = min(i + _BLOCK_BYTES // 2, end)
                i, word, count = scan_units_and_symbols(data, i, stop, end, word, table, units, carried)
            else:
                stop = min(i + _BLOCK_BYTES, end)
                i, word, count = scan_units(data, i, stop, end, word, table, units, carried)
            if i >= end and word != np.uint64(0):
                units[count] = word
                count += 1
            count = min(count, carried + longest - total)
            for j in range(carried, count):
                units[j] = quick_hash64(units[j])
            total += count - carried
            if total > width and count >= width:
                made = _hash_shingles(units, count, width, values)
                _lower_signature(signature, values, made, factors, shifts)
                carried = width - 1
                for j in range(carried):
                    units[j] = units[count - carried + j]
            else:
                carried = count
        if np.int64(0) < total <= width:
            x = np.uint64(total)
            for j in range(total):
                x = quick_hash64(x * GOLDEN + units[j])
            for p in range(factors.shape[0]):
                x = quick_hash64(x + GOLDEN)
                signature[p] = np.uint32(x >> np.uint64(32))
        unit_counts[document] = np.uint32(total)


def band_keys(signed: Signatures, bands: int, rows: int) -> Hashes:
    """uint64[documents, bands]: a hash of the `rows` values of each band and the band's number.

    Two of n keys of different bands or values are equal by chance with probability n^2 / 2^65; such a pair is found out
    when signatures are compared.
    """
    keys = np.empty((len(signed), bands), np.uint64)
    _band_keys(signed, rows, keys)
    return keys


@entry("keys")
def _band_keys(signed: Signatures, rows: int, keys: Hashes) -> None:
    for document in range(signed.shape[0]):
        for band in range(keys.shape[1]):
            x = quick_hash64(np.uint64(band + 1) * GOLDEN)
            for j in range(band * rows, (band + 1) * rows):
                x = quick_hash64((x ^ np.uint64(signed[document, j])) * DEGSKI)
            keys[document, band] = x
