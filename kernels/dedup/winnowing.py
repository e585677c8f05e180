"""Anchors: places in texts that equal passages of `least` bytes or more have in common, one for each window.

Winnowing (Schleimer, Wilkerson, Aiken 2003): in each window of `least` bytes, the gram of `gram_bytes(least)` bytes
with the smallest hash is chosen, the last of equals. Windows side by side mostly choose the same one, so there are
about 2 / (least - gram + 2) anchors a byte (one in 69 for 200 bytes); each *owns* the run of windows that chose it.
What a window chooses depends on its own bytes alone: the same window has the same anchor at the same distance wherever
it stands. So windows that are the same are found among those whose anchors are, and an anchor whose whole context (the
bytes of all the windows it owns) was seen before owns no window that is new.

The hash of a gram is a gear hash (as in content-defined chunking, Xia et al. 2016): each byte shifts the older ones up
until they fall out at the top, so a gram is 64, 32, 16 or 8 bytes. Grams that differ may share it, which costs time and
changes nothing: what decides are the hashes of contexts and windows, 64 bits each, where every byte is multiplied in.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.dedup.units import mix
from dspipe.kernels.jit import inline, jit, load64, pointer

UInt16 = npt.NDArray[np.uint16]
UInt32 = npt.NDArray[np.uint32]
UInt64 = npt.NDArray[np.uint64]

LEAST, MOST = 16, 65535
"""bytes that a window may have"""
_BLOCK = 1 << 13
_GEAR = np.random.Generator(np.random.PCG64(0)).integers(0, 1 << 64, 256, np.uint64)
_GEAR.flags.writeable = False


class Anchors(NamedTuple):
    """Anchors in the order of texts and places. Anchor i owns the windows that begin at the bytes start[i] to
    start[i] + owned[i] - 1 of its row; their bytes end at start[i] + owned[i] + least - 1."""

    row: UInt32
    start: UInt32
    owned: UInt16
    gram_at: UInt16
    """where the gram begins, from `start`"""
    gram: UInt64
    """hash of the gram"""
    context: UInt64
    """hash of the bytes of all the windows owned"""


def gram_bytes(least: int) -> int:
    """The length of a gram, of windows of `least` bytes."""
    return 64 // _shift(least)


def _shift(least: int) -> int:
    return next(shift for shift in (1, 2, 4, 8) if 2 * (64 // shift) <= least)


@inline
def _context_hash(texts, start, end):  # type: ignore[no-untyped-def]
    """Two lanes of 8 bytes a step, the last 16 bytes once more: needs 16 bytes at least."""
    low, high = np.uint64(0x243F6A8885A308D3), np.uint64(0x13198A2E03707344)
    i = start
    while i + 16 <= end:
        low = (low ^ load64(texts, i)) * np.uint64(0x9E3779B97F4A7C15)
        high = (high ^ load64(texts, i + 8)) * np.uint64(0xC2B2AE3D27D4EB4F)
        low, high = low ^ (low >> np.uint64(32)), high ^ (high >> np.uint64(29))
        i += 16
    low = (low ^ load64(texts, end - 16)) * np.uint64(0x9E3779B97F4A7C15)
    high = (high ^ load64(texts, end - 8)) * np.uint64(0xC2B2AE3D27D4EB4F)
    return mix(low ^ mix(high + np.uint64(end - start)))


@jit
def _find_anchors(data, offsets, gear, shift, least, row, place, values, anchors):  # type: ignore[no-untyped-def]
    """Fill the arrays of `anchors` with those from byte `place` of `row` on: (how many, row, place to go on from)."""
    rows, starts, owned, gram_ats, grams, contexts = anchors
    texts, tables, hashes = pointer(data), pointer(gear), pointer(values)
    gram = np.int64(64) // shift
    width = least - gram + 1
    up = np.uint64(shift)
    found, room = 0, len(rows)
    while row < len(offsets) - 1:
        base, length = offsets[row], offsets[row + 1] - offsets[row]
        begin = place
        # `values` holds the hashes of the grams that begin at `held` and the next bytes; `best` is an index of it
        held, filled, best = begin, 0, 0
        h = np.uint64(0)
        if length - begin >= least:
            for i in range(base + begin, base + begin + gram - 1):
                h = (h << up) + tables[texts[i]]
        while length - begin >= least:
            kept = min(filled, width)
            for i in range(kept):
                hashes[i] = hashes[filled - kept + i]
            best -= filled - kept
            held += filled - kept
            filled = min(kept + _BLOCK, length - gram + 1 - held)
            if filled == kept:
                break
            ahead = base + held + gram - 1
            for i in range(kept, filled):
                h = (h << up) + tables[texts[ahead + i]]
                # a product's upper bits depend on all of h, and they decide which is smaller
                hashes[i] = h * np.uint64(0x9E3779B97F4A7C15)
            i = kept
            if kept == 0:
                best, i = 0, 1
            while True:
                least_hash = hashes[best]
                stop = min(filled, best + width)
                while i < stop and hashes[i] > least_hash:
                    i += 1
                if i == filled:
                    break
                # the window of the grams up to i is the first to choose another
                window = held + i - width + 1
                if window > place:
                    if found == room:
                        return found, row, place
                    anchor = held + best
                    rows[found], starts[found] = row, place
                    owned[found], gram_ats[found] = window - place, anchor - place
                    grams[found] = mix(least_hash)
                    contexts[found] = _context_hash(texts, base + place, base + window - 1 + least)
                    found += 1
                    place = window
                if hashes[i] <= least_hash:
                    best = i
                else:
                    smallest = hashes[i]
                    best = i
                    for j in range(i - 1, i - width, -1):
                        if hashes[j] < smallest:
                            smallest, best = hashes[j], j
                i += 1
        if length - begin >= least:
            if found == room:
                return found, row, place
            rows[found], starts[found] = row, place
            owned[found], gram_ats[found] = length - least + 1 - place, held + best - place
            grams[found] = mix(hashes[best])
            contexts[found] = _context_hash(texts, base + place, base + length)
            found += 1
        row, place = row + 1, 0
    return found, row, place


class Winnowing:
    """The anchors of a text column (`kernels.arrow.text_buffers`), at most `room` at a time: an iterator of Anchors.

    A row of 4 GiB or more raises ValueError. What an anchor owns may be cut in two between one `Anchors` and the next.
    """

    def __init__(self, data: Bytes, offsets: Offsets, least: int, room: int = 1 << 18) -> None:
        if len(offsets) > 1 and int(np.diff(offsets).max()) >= 1 << 32:
            raise ValueError("a text of 4 GiB or more")
        self._data, self._offsets, self._least, self._room = data, offsets, least, room
        self._row = self._place = 0

    def __iter__(self) -> "Winnowing":
        return self

    def __next__(self) -> Anchors:
        if self._row >= len(self._offsets) - 1:
            raise StopIteration
        room = self._room
        anchors = Anchors(
            np.empty(room, np.uint32),
            np.empty(room, np.uint32),
            np.empty(room, np.uint16),
            np.empty(room, np.uint16),
            np.empty(room, np.uint64),
            np.empty(room, np.uint64),
        )
        given = self._data, self._offsets, _GEAR, _shift(self._least), self._least, self._row, self._place
        values = np.empty(_BLOCK + self._least, np.uint64)
        found, self._row, self._place = _find_anchors(*given, values, tuple(anchors))
        return Anchors._make(array[:found] for array in anchors)


@jit
def _hash_windows(data, offsets, least, rows, starts, owned, gram_ats, left, windows):  # type: ignore[no-untyped-def]
    texts = pointer(data)
    at = np.int64(0)
    for anchor in range(len(rows)):
        start = offsets[np.int64(rows[anchor])] + np.int64(starts[anchor])
        middle, count = np.int64(gram_ats[anchor]), np.int64(owned[anchor])
        h = np.uint64(0x243F6A8885A308D3)
        left[middle] = h
        for i in range(middle - 1, -1, -1):
            h = (h ^ np.uint64(texts[start + i])) * np.uint64(0x9E3779B97F4A7C15)
            h ^= h >> np.uint64(32)
            left[i] = h
        h = np.uint64(0x13198A2E03707344)
        for i in range(middle, count + least - 1):
            h = (h ^ np.uint64(texts[start + i])) * np.uint64(0xC2B2AE3D27D4EB4F)
            h ^= h >> np.uint64(32)
            window = i + 1 - least
            if window >= 0:
                windows[at + window] = mix(left[window] ^ mix(h))
        at += count


def window_hashes(data: Bytes, offsets: Offsets, least: int, rows: UInt32, starts: UInt32, owned: UInt16,
                  gram_ats: UInt16) -> UInt64:  # fmt: skip
    """The hashes of the windows that anchors own, one anchor after the other (uint64, sum of owned).

    Each is made of a hash of its bytes before the anchor, read backwards, and one of those behind, so that a window
    takes one step of each.
    """
    windows = np.empty(int(owned.sum(dtype=np.int64)), np.uint64)
    _hash_windows(data, offsets, least, rows, starts, owned, gram_ats, np.empty(least + 1, np.uint64), windows)
    return windows
