"""Sets of shingles, as sorted 64-bit hashes: what the Jaccard similarity of two documents is computed from exactly.

A shingle is the one that signatures are made of (kernels.dedup.minhash), with all 64 bits of its hash: two different
shingles among n are taken for one with probability n^2 / 2^65. A document that is no longer than a shingle has one
element, a hash of all its units; one without units has none. Of a document longer than LONGEST units the first are
taken.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.dedup.minhash import LONGEST
from dspipe.kernels.dedup.units import Characters, Hashes, characters, scan_units, scan_units_and_symbols
from dspipe.kernels.hashing import GOLDEN, quick_hash64
from dspipe.kernels.jit import entry, inline

_BLOCK_BYTES = 1 << 14
_LARGE_BUCKET = 32
"""hashes from which on those with the same upper bits are sorted by comparison: mostly one shingle many times"""


class ShingleSets(NamedTuple):
    """Set i is hashes[offsets[i]:offsets[i + 1]], ascending, each hash once."""

    hashes: Hashes
    offsets: Offsets

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """int64[sets]: how many shingles each has."""
        return np.diff(self.offsets)


def shingle_sets(
    data: Bytes,
    offsets: Offsets,
    rows: npt.NDArray[np.int64],
    shingle: int,
    symbols: bool = False,
    longest: int = LONGEST,
) -> ShingleSets:
    """The sets of some rows of a text column (kernels.arrow.text_buffers), of runs of `shingle` units.

    `symbols`: operators and punctuation are units too. Memory besides the result: about 30 bytes for each unit of the
    longest document, at most `longest` of them.
    """
    ends = np.zeros(len(rows) + 1, np.int64)
    hashes = _make_sets(data, offsets, rows, np.int64(shingle), np.int64(longest), characters(symbols), ends)
    return ShingleSets(hashes, ends)


@inline
def _longer(array, used, needed):  # type: ignore[no-untyped-def]
    """The array, or a larger copy of what is used of it, with room for what is needed."""
    if needed <= array.shape[0]:
        return array
    larger = np.empty(max(needed, 2 * array.shape[0]), np.uint64)
    larger[:used] = array[:used]
    return larger


@inline
def _sort(hashes, count, starts, out):  # type: ignore[no-untyped-def]
    """Sort `count` hashes into `out`: by their upper bits into buckets of two or so, then within these: three times
    as fast as sorting by comparison. `starts` (uint32) has room for `count` and two more."""
    shift = np.uint64(64)
    buckets = np.int64(1)
    while 2 * buckets <= count:
        buckets *= 2
        shift -= np.uint64(1)
    starts[: buckets + 2] = np.uint32(0)
    for j in range(count):
        starts[np.int64(hashes[j] >> shift if buckets > 1 else np.uint64(0)) + 2] += np.uint32(1)
    for j in range(2, buckets + 2):
        starts[j] += starts[j - 1]
    for j in range(count):
        bucket = np.int64(hashes[j] >> shift if buckets > 1 else np.uint64(0)) + 1
        out[np.int64(starts[bucket])] = hashes[j]
        starts[bucket] += np.uint32(1)
    for k in range(buckets):
        start, end = np.int64(starts[k]), np.int64(starts[k + 1])
        if end - start > _LARGE_BUCKET:
            out[start:end].sort()
            continue
        for j in range(start + 1, end):
            value, place = out[j], j
            while place > start and out[place - 1] > value:
                out[place] = out[place - 1]
                place -= 1
            out[place] = value


@entry("ends")
def _make_sets(
    data: Bytes,
    offsets: Offsets,
    rows: npt.NDArray[np.int64],
    width: np.int64,
    longest: np.int64,
    table: Characters,
    ends: Offsets,
) -> Hashes:
    units, found = np.empty(2 * _BLOCK_BYTES, np.uint64), np.empty(_BLOCK_BYTES, np.uint64)
    shingles, starts = np.empty(_BLOCK_BYTES, np.uint64), np.empty(_BLOCK_BYTES + 2, np.uint32)
    total = np.int64(0)
    for document in range(rows.shape[0]):
        i, end = offsets[rows[document]], offsets[rows[document] + 1]
        word, count = np.uint64(0), 0
        while i < end and count < longest:
            stop = min(i + _BLOCK_BYTES, end)
            units = _longer(units, count, count + _BLOCK_BYTES + 4)
            if table.symbols:
                i, word, count = scan_units_and_symbols(data, i, stop, end, word, table, units, count)
            else:
                i, word, count = scan_units(data, i, stop, end, word, table, units, count)
        if i >= end and word != np.uint64(0):
            units[count] = word
            count += 1
        count = min(count, int(longest))
        for j in range(count):
            units[j] = quick_hash64(units[j])
        found = _longer(found, total, total + max(count, 1))
        if count > width:
            made = count - width + 1
            if made > shingles.shape[0]:
                shingles, starts = np.empty(made, np.uint64), np.empty(made + 2, np.uint32)
            for j in range(made):
                x = np.uint64(0)
                for q in range(width):
                    x = x * GOLDEN + units[j + q]
                units[j] = quick_hash64(x)
            _sort(units, made, starts, shingles)
            for j in range(made):
                if j == 0 or shingles[j] != shingles[j - 1]:
                    found[total] = shingles[j]
                    total += 1
        elif count > 0:
            x = np.uint64(count)
            for j in range(count):
                x = quick_hash64(x * GOLDEN + units[j])
            found[total] = x
            total += 1
        ends[document + 1] = total
    return found[:total]


@entry("keys")
def _hash_sets(hashes: Hashes, offsets: Offsets, keys: Hashes) -> None:
    for document in range(offsets.shape[0] - 1):
        x = np.uint64(offsets[document + 1] - offsets[document])
        for j in range(offsets[document], offsets[document + 1]):
            x = quick_hash64(x * GOLDEN + hashes[j])
        keys[document] = x


def set_hashes(sets: ShingleSets) -> Hashes:
    """uint64[sets]: a hash of each set."""
    keys = np.empty(len(sets.offsets) - 1, np.uint64)
    _hash_sets(sets.hashes, sets.offsets, keys)
    return keys
