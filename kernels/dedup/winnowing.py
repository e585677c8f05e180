"""Anchors: positions in texts that equal passages of a window's length or more have in common, one for each window.

Winnowing (Schleimer, Wilkerson, Aiken 2003): in each window of n bytes, the gram of `gram_bytes(n)` bytes
with the smallest hash is chosen, the last of equals. Windows side by side mostly choose the same one, so there are
about 2 / (n - gram + 2) anchors a byte (one in 69 for 200 bytes); each *owns* the run of windows that chose it.
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
from dspipe.kernels.hashing import GOLDEN, PI_1, PI_2, XXHASH, hash_context, quick_hash64
from dspipe.kernels.jit import entry, pointer

UInt16 = npt.NDArray[np.uint16]
UInt32 = npt.NDArray[np.uint32]
UInt64 = npt.NDArray[np.uint64]

MIN_WINDOW_BYTES, MAX_WINDOW_BYTES = 16, 65535
_BLOCK_BYTES = 1 << 13
_GEAR = np.random.Generator(np.random.PCG64(0)).integers(0, 1 << 64, 256, np.uint64)


class Anchors(NamedTuple):
    """Anchors in the order of texts and positions. Anchor i owns the windows that begin at the bytes start[i] to
    start[i] + owned[i] - 1 of its row; their bytes end at start[i] + owned[i] + window_bytes - 1."""

    row: UInt32
    start: UInt32
    owned: UInt16
    gram_at: UInt16
    """where the gram begins, from `start`"""
    gram: UInt64
    """hash of the gram"""
    context: UInt64
    """hash of the bytes of all the windows owned"""


def gram_bytes(window_bytes: int) -> int:
    """The length of a gram in windows of `window_bytes`."""
    return 64 // _shift(window_bytes)


def _shift(window_bytes: int) -> int:
    return next(shift for shift in (1, 2, 4, 8) if 2 * (64 // shift) <= window_bytes)


@entry("values", "anchors")
def _find_anchors(data, offsets, gear, shift, window_bytes, row, position, values, anchors):  # type: ignore[no-untyped-def]
    """Fill the arrays of `anchors` with those from byte `position` of `row` on: (how many, row and position to go on
    from)."""
    rows, starts, owned, gram_ats, grams, contexts = anchors
    texts, tables, hashes = pointer(data), pointer(gear), pointer(values)
    gram = np.int64(64) // shift
    width = window_bytes - gram + 1
    up = np.uint64(shift)
    found, room = 0, len(rows)
    while row < len(offsets) - 1:
        base, length = offsets[row], offsets[row + 1] - offsets[row]
        begin = position
        # `values` holds the hashes of the grams that begin at `held` and the next bytes; `best` is an index of it
        held, filled, best = begin, 0, 0
        h = np.uint64(0)
        if length - begin >= window_bytes:
            for i in range(base + begin, base + begin + gram - 1):
                h = (h << up) + tables[texts[i]]
        while length - begin >= window_bytes:
            kept = min(filled, width)
            for i in range(kept):
                hashes[i] = hashes[filled - kept + i]
            best -= filled - kept
            held += filled - kept
            filled = min(kept + _BLOCK_BYTES, length - gram + 1 - held)
            if filled == kept:
                break
            ahead = base + held + gram - 1
            for i in range(kept, filled):
                h = (h << up) + tables[texts[ahead + i]]
                # a product's upper bits depend on all of h, and they decide which is smaller
                hashes[i] = h * GOLDEN
            i = kept
            if kept == 0:
                best, i = 0, 1
            while True:
                min_hash = hashes[best]
                stop = min(filled, best + width)
                while i < stop and hashes[i] > min_hash:
                    i += 1
                if i == filled:
                    break
                # the window of the grams up to i is the first to choose another
                window = held + i - width + 1
                if window > position:
                    if found == room:
                        return found, row, position
                    anchor = held + best
                    rows[found], starts[found] = row, position
                    owned[found], gram_ats[found] = window - position, anchor - position
                    grams[found] = quick_hash64(min_hash)
                    contexts[found] = hash_context(texts, base + position, base + window - 1 + window_bytes)
                    found += 1
                    position = window
                if hashes[i] <= min_hash:
                    best = i
                else:
                    smallest = hashes[i]
                    best = i
                    for j in range(i - 1, i - width, -1):
                        if hashes[j] < smallest:
                            smallest, best = hashes[j], j
                i += 1
        if length - begin >= window_bytes:
            if found == room:
                return found, row, position
            rows[found], starts[found] = row, position
            owned[found], gram_ats[found] = length - window_bytes + 1 - position, held + best - position
            grams[found] = quick_hash64(hashes[best])
            contexts[found] = hash_context(texts, base + position, base + length)
            found += 1
        row, position = row + 1, 0
    return found, row, position


class Winnowing:
    """The anchors of a text column (`kernels.arrow.text_buffers`), at most `room` at a time: an iterator of Anchors.

    A row of 4 GiB or more raises ValueError. What an anchor owns may be cut in two between one `Anchors` and the next.
    """

    def __init__(self, data: Bytes, offsets: Offsets, window_bytes: int, room: int = 1 << 18) -> None:
        if len(offsets) > 1 and int(np.diff(offsets).max()) >= 1 << 32:
            raise ValueError("a text of 4 GiB or more")
        self._data, self._offsets, self._window_bytes, self._room = data, offsets, window_bytes, room
        self._row = self._position = 0

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
        given = (
            self._data,
            self._offsets,
            _GEAR,
            _shift(self._window_bytes),
            self._window_bytes,
            self._row,
            self._position,
        )
        values = np.empty(_BLOCK_BYTES + self._window_bytes, np.uint64)
        found, self._row, self._position = _find_anchors(*given, values, tuple(anchors))
        return Anchors._make(array[:found] for array in anchors)


@entry("left", "windows")
def _hash_windows(data, offsets, window_bytes, rows, starts, owned, gram_ats, left, windows):  # type: ignore[no-untyped-def]
    texts = pointer(data)
    at = np.int64(0)
    for anchor in range(len(rows)):
        start = offsets[np.int64(rows[anchor])] + np.int64(starts[anchor])
        middle, count = np.int64(gram_ats[anchor]), np.int64(owned[anchor])
        h = PI_1
        left[middle] = h
        for i in range(middle - 1, -1, -1):
            h = (h ^ np.uint64(texts[start + i])) * GOLDEN
            h ^= h >> np.uint64(32)
            left[i] = h
        h = PI_2
        for i in range(middle, count + window_bytes - 1):
            h = (h ^ np.uint64(texts[start + i])) * XXHASH
            h ^= h >> np.uint64(32)
            window = i + 1 - window_bytes
            if window >= 0:
                windows[at + window] = quick_hash64(left[window] ^ quick_hash64(h))
        at += count


def window_hashes(data: Bytes, offsets: Offsets, window_bytes: int, rows: UInt32, starts: UInt32, owned: UInt16,
                  gram_ats: UInt16) -> UInt64:  # fmt: skip
    """The hashes of the windows that anchors own, one anchor after the other (uint64, sum of owned).

    Each is made of a hash of its bytes before the anchor, read backwards, and one of those behind, so that a window
    takes one step of each.
    """
    windows = np.empty(int(owned.sum(dtype=np.int64)), np.uint64)
    _hash_windows(
        data, offsets, window_bytes, rows, starts, owned, gram_ats, np.empty(window_bytes + 1, np.uint64), windows
    )
    return windows
