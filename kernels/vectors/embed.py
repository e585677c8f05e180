"""A vector for each text, from its units (`kernels.dedup.units`: words, or characters where words aren't spaced).

    embed_hashed    each unit and each pair of neighbours is hashed into one of 2^bits buckets; a bucket that occurs c
                    times counts 1 + ln c, and goes to SIGNS of the vector's places, with signs, which follow from its
                    hash: a sparse random projection (Kane and Nelson 2014, "Sparser Johnson-Lindenstrauss Transforms")
    embed_static    the sum of the rows that a table has for the units, as Model2Vec and its like pool

Vectors have length 1; they are kept as int8, scaled such that the largest place is 127 or -127. The scale needs no
place: it is 1 / |v|. Against the vector before rounding the cosine is 0.9999 (256 places). Arithmetic is in float32
and float64 in the order of the text: the same bytes each time.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.dedup.units import Characters, characters, scan_units
from dspipe.kernels.hashing import GOLDEN, hash64, quick_hash64
from dspipe.kernels.jit import entry, inline, jit

Vectors = npt.NDArray[np.int8]
"""int8[texts, places]"""
Counts = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]
Float32 = npt.NDArray[np.float32]

SIGNS = 8
"""places of a vector that a bucket goes to: the error of a cosine is that of a dense projection, for a thirtieth of
the additions"""
BITS = 18
"""of the number of buckets: their counts, 1 MiB, stay in the second-level cache"""
BLOCK_BYTES = 1 << 14
_NONE = np.uint64(0)


class WordRows(NamedTuple):
    """Vectors of words. keys: uint64, a power of two of slots with the hashes of units (0 empty); rows: int32, the row
    in each slot; vectors: float32[rows, places], weighted."""

    keys: UInt64
    rows: npt.NDArray[np.int32]
    vectors: Float32


def embed_hashed(
    data: Bytes, offsets: Offsets, places: int, pairs: float, seed: int, bits: int = BITS
) -> tuple[Vectors, Counts]:
    """(vectors, units of each text) of a text column (`kernels.arrow.text_buffers`); a text without units has zeros.

    `pairs` is what a pair counts beside a unit. Memory besides the result: a constant."""
    vectors, found = _results(len(offsets) - 1, places)
    salt = np.uint64(seed & (1 << 64) - 1)
    _embed_hashed(data, offsets, characters(), np.int64(bits), np.float32(pairs), salt, vectors, found)
    return vectors, found


def embed_static(data: Bytes, offsets: Offsets, words: WordRows) -> tuple[Vectors, Counts]:
    """(vectors, units of each text that have a row); a text without any has zeros."""
    vectors, found = _results(len(offsets) - 1, words.vectors.shape[1])
    _embed_static(data, offsets, characters(), words, vectors, found)
    return vectors, found


def unit_hashes(data: Bytes, offsets: Offsets) -> tuple[UInt64, Counts]:
    """(hash of the first unit, units) of each text: which words of a vocabulary are one unit."""
    first, found = np.zeros(len(offsets) - 1, np.uint64), np.zeros(len(offsets) - 1, np.int64)
    _first_units(data, offsets, characters(), first, found)
    return first, found


def word_table(hashes: UInt64) -> tuple[UInt64, npt.NDArray[np.int32]]:
    """`keys` and `rows` of WordRows for the units of rows 0, 1, ..."""
    slots = 1 << max(4, (4 * len(hashes)).bit_length())
    keys, rows = np.zeros(slots, np.uint64), np.zeros(slots, np.int32)
    _fill(hashes, keys, rows)
    return keys, rows


def _results(texts: int, places: int) -> tuple[Vectors, Counts]:
    return np.zeros((texts, places), np.int8), np.zeros(texts, np.int64)


@inline
def _units(data, i, end, word, table, units):  # type: ignore[no-untyped-def]
    """The units of the next block; the word that the text ends with is one."""
    i, word, count = scan_units(data, i, min(i + BLOCK_BYTES, end), end, word, table, units, 0)
    if i >= end and word != _NONE:
        units[count] = word
        count += 1
        word = _NONE
    return i, word, count


@jit
def _round(sums, out):  # type: ignore[no-untyped-def]
    """The float32 sums as int8, the largest as 127; zeros stay."""
    most = np.float32(0)
    for k in range(len(sums)):
        most = max(most, abs(sums[k]))
    if most > np.float32(0):
        scale = np.float32(127) / most
        for k in range(len(sums)):
            out[k] = np.int8(math.floor(sums[k] * scale + np.float32(0.5)))


@inline
def _place(bits, places):  # type: ignore[no-untyped-def]
    """A place from the upper 15 of 16 bits."""
    return np.int64(((bits >> np.uint64(1)) & np.uint64(0x7FFF)) * places >> np.uint64(15))


@inline
def _count(buckets, bucket, touched, number, weight):  # type: ignore[no-untyped-def]
    """Count a bucket, and list it where it is new."""
    touched[number] = bucket
    new = buckets[bucket] == 0
    buckets[bucket] += weight
    return number + np.int64(new)


@entry("vectors", "found")
def _embed_hashed(
    data: Bytes,
    offsets: Offsets,
    table: Characters,
    bits: np.int64,
    pairs: np.float32,
    salt: np.uint64,
    vectors: Vectors,
    found: Counts,
) -> None:
    units = np.empty(BLOCK_BYTES // 2 + 8, np.uint64)
    # the first half counts units, the second half pairs
    size = np.int64(1) << bits
    counts, touched = np.zeros(2 * size, np.int32), np.empty(2 * size + 1, np.int64)
    sums = np.empty(vectors.shape[1], np.float32)
    places, shift = np.uint64(vectors.shape[1]), np.uint64(64) - np.uint64(bits)
    logs = np.empty(256, np.float32)
    for k in range(1, 256):
        logs[k] = np.float32(1 + math.log(k))
    for row in range(len(offsets) - 1):
        i, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        word, before, total, number = _NONE, _NONE, np.int64(0), np.int64(0)
        while i < end:
            i, word, count = _units(data, i, end, word, table, units)
            total += count
            for k in range(count):
                unit = units[k]
                bucket = np.int64(quick_hash64(unit) * GOLDEN >> shift)
                number = _count(counts, bucket, touched, number, 1)
                if before != _NONE and pairs > np.float32(0):
                    bucket = size + np.int64(quick_hash64(before * GOLDEN + unit) * GOLDEN >> shift)
                    number = _count(counts, bucket, touched, number, 1)
                before = unit
        sums[:] = np.float32(0)
        for t in range(number):
            bucket = touched[t]
            count = counts[bucket]
            counts[bucket] = 0
            weight = logs[count] if count < 256 else np.float32(1 + math.log(count))
            if bucket >= size:
                weight *= pairs
            mixed = hash64(np.uint64(bucket) * GOLDEN + salt)
            for _ in range(2):
                for _ in range(SIGNS // 2):
                    place = _place(mixed, places)
                    sums[place] += weight if mixed & np.uint64(1) else -weight
                    mixed >>= np.uint64(16)
                mixed = hash64(np.uint64(bucket) * GOLDEN + ~salt)
        found[row] = total
        _round(sums, vectors[row])


@inline
def _row_of(keys, rows, unit):  # type: ignore[no-untyped-def]
    """The row of a unit, -1 for none."""
    mask = np.uint64(len(keys) - 1)
    slot = quick_hash64(unit) & mask
    while keys[slot] != _NONE:
        if keys[slot] == unit:
            return np.int64(rows[slot])
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1)


@entry("keys", "rows")
def _fill(hashes: UInt64, keys: UInt64, rows: npt.NDArray[np.int32]) -> None:
    mask = np.uint64(len(keys) - 1)
    for row in range(len(hashes)):
        slot = quick_hash64(hashes[row]) & mask
        while keys[slot] != _NONE:
            slot = (slot + np.uint64(1)) & mask
        keys[slot], rows[slot] = hashes[row], row


@entry("vectors", "found")
def _embed_static(
    data: Bytes, offsets: Offsets, table: Characters, words: WordRows, vectors: Vectors, found: Counts
) -> None:
    units = np.empty(BLOCK_BYTES // 2 + 8, np.uint64)
    places = vectors.shape[1]
    counts, touched = np.zeros(len(words.vectors), np.int32), np.empty(len(words.vectors) + 1, np.int64)
    sums = np.empty(places, np.float32)
    for row in range(len(offsets) - 1):
        i, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        word, total, number = _NONE, np.int64(0), np.int64(0)
        while i < end:
            i, word, count = _units(data, i, end, word, table, units)
            for k in range(count):
                at = _row_of(words.keys, words.rows, units[k])
                if at >= 0:
                    number = _count(counts, at, touched, number, 1)
                    total += 1
        sums[:] = np.float32(0)
        for t in range(number):
            at = touched[t]
            weight = np.float32(counts[at])
            counts[at] = 0
            for k in range(places):
                sums[k] += weight * words.vectors[at, k]
        found[row] = total
        _round(sums, vectors[row])


@entry("first", "found")
def _first_units(data: Bytes, offsets: Offsets, table: Characters, first: UInt64, found: Counts) -> None:
    units = np.empty(BLOCK_BYTES // 2 + 8, np.uint64)
    for row in range(len(offsets) - 1):
        i, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
        word = _NONE
        while i < end:
            i, word, count = _units(data, i, end, word, table, units)
            if count and not found[row]:
                first[row] = units[0]
            found[row] += count
