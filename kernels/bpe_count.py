"""Counting distinct pieces of bytes, and cutting them where two characters meet too rarely to become one token.

The counts live in an open-addressing table whose rows are (hash, place in the store, length, count); the store holds
the bytes of each distinct piece once, in the order of first use. Both grow: a kernel stops when they are full, and goes
on from where it was.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.character_classes import decode
from kernels.jit import inline, jit, load64, pointer

U64, I64 = np.uint64, np.int64
MULTIPLIER = np.uint64(0x517CC1B727220A95)
ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
WORDS, BYTES = 0, 1


class PieceTable(NamedTuple):
    """rows: uint64[4 * slots], slots a power of two, hash 0 is free; store: uint8; used: int64[2], words and bytes."""

    rows: npt.NDArray[np.uint64]
    store: npt.NDArray[np.uint8]
    used: npt.NDArray[np.int64]


def piece_table(slots: int = 1 << 14, store: int = 1 << 18) -> PieceTable:
    """An empty table; slots must be a power of two."""
    return PieceTable(np.zeros(4 * slots, np.uint64), np.empty(store, np.uint8), np.zeros(2, np.int64))


def grown(table: PieceTable, piece: int) -> PieceTable:
    """The table with twice the slots or twice the store, or what a further piece of so many bytes needs."""
    rows, store, used = table
    if used[WORDS] >= len(rows) // 8:
        larger = np.zeros(2 * len(rows), np.uint64)
        _rehash(rows, larger)
        return PieceTable(larger, store, used)
    room = np.empty(max(2 * len(store), int(used[BYTES]) + piece), np.uint8)
    room[: used[BYTES]] = store[: used[BYTES]]
    return PieceTable(rows, room, used)


@jit
def _rehash(rows: npt.NDArray[np.uint64], larger: npt.NDArray[np.uint64]) -> None:
    mask = U64(len(larger) - 1)
    for row in range(0, len(rows), 4):
        if rows[row] != U64(0):
            i = (rows[row] >> U64(20)) * U64(4) & mask
            while larger[i] != U64(0):
                i = i + U64(4) & mask
            for word in range(4):
                larger[i + U64(word)] = rows[row + word]


@inline
def _tail(text, p, n, size):  # type: ignore[no-untyped-def]
    """The 1 to 7 bytes from p as one word; `size` is the end of what may be read."""
    if p + 8 <= size:
        return load64(text, p) & ONES >> U64(64 - 8 * n)
    word = U64(0)
    for i in range(n):
        word |= U64(text[p + i]) << U64(8 * i)
    return word


@inline
def hash_bytes(text, start, n, size, seed):  # type: ignore[no-untyped-def]
    """A hash of the n bytes from `start`; never 0."""
    mixed, p, end = seed ^ U64(n) * MULTIPLIER, start, start + n
    while p + 8 <= end:
        mixed = ((mixed << U64(5) | mixed >> U64(59)) ^ load64(text, p)) * MULTIPLIER
        p += 8
    if p < end:
        mixed = ((mixed << U64(5) | mixed >> U64(59)) ^ _tail(text, p, end - p, size)) * MULTIPLIER
    return (mixed ^ mixed >> U64(29)) | U64(1)


@inline
def _same(store, place, text, start, n, size):  # type: ignore[no-untyped-def]
    p, end = start, start + n
    while p + 8 <= end:
        if load64(store, place) != load64(text, p):
            return False
        p += 8
        place += 8
    while p < end:
        if store[place] != text[p]:
            return False
        p += 1
        place += 1
    return True


@jit
def count_pieces(
    text: npt.NDArray[np.uint8],
    ends: npt.NDArray[np.int64],
    weights: npt.NDArray[np.int64],
    state: npt.NDArray[np.int64],
    table: PieceTable,
) -> bool:
    """Add the pieces that end at `ends` (kernels.pretokenize), each as often as its weight says.

    state: number of the next piece and its start. Returns False when the table is full, before the next piece.
    """
    data, rows, store, used = pointer(text), pointer(table.rows), pointer(table.store), table.used
    mask, most, size = U64(len(table.rows) - 1), len(table.rows) // 8, len(text)
    p = state[1]
    for piece in range(state[0], len(ends)):
        n = ends[piece] - p
        if n > 0:
            key = hash_bytes(data, p, n, size, U64(0))
            i = (key >> U64(20)) * U64(4) & mask
            while rows[i] != U64(0) and not (
                rows[i] == key and I64(rows[i + U64(2)]) == n and _same(store, I64(rows[i + U64(1)]), data, p, n, size)
            ):
                i = i + U64(4) & mask
            if rows[i] == U64(0):
                place = used[BYTES]
                if used[WORDS] >= most or place + n > len(table.store):
                    state[0], state[1] = piece, p
                    return False
                rows[i], rows[i + U64(1)], rows[i + U64(2)], rows[i + U64(3)] = key, U64(place), U64(n), U64(0)
                for k in range(n):
                    store[place + k] = data[p + k]
                used[WORDS] += 1
                used[BYTES] += n
            rows[i + U64(3)] += U64(weights[piece])
            p = ends[piece]
    state[0], state[1] = len(ends), p
    return True


@jit
def hash_rows(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], seed: np.uint64, hashes: npt.NDArray[np.uint64]
) -> None:
    """A hash of each row data[offsets[i]:offsets[i + 1]], well mixed in all its bits (the finalizer of MurmurHash3)."""
    raw = pointer(data)
    for row in range(len(offsets) - 1):
        mixed = hash_bytes(raw, offsets[row], offsets[row + 1] - offsets[row], len(data), seed)
        mixed = (mixed ^ mixed >> U64(33)) * U64(0xFF51AFD7ED558CCD)
        mixed = (mixed ^ mixed >> U64(33)) * U64(0xC4CEB9FE1A85EC53)
        hashes[row] = mixed ^ mixed >> U64(33)


# Pairs of characters: uint64[2 * slots], (left << 21 | right) + 1, 0 is free; count


@inline
def _pair_slot(left, right, pairs, mask):  # type: ignore[no-untyped-def]
    key = (U64(left) << U64(21) | U64(right)) + U64(1)
    i = (key * U64(0x9E3779B97F4A7C15) >> U64(30)) * U64(2) & mask
    while pairs[i] != U64(0) and pairs[i] != key:
        i = i + U64(2) & mask
    return i, key


@jit
def _count_character_pairs(
    words: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    state: npt.NDArray[np.int64],
    pairs: npt.NDArray[np.uint64],
) -> bool:
    """state: next word, pairs in the table. False when the table may not hold the next word's pairs."""
    data, mask = pointer(words), U64(len(pairs) - 1)
    for word in range(state[0], len(counts)):
        p, end = offsets[word], offsets[word + 1]
        if state[1] + (end - p) > len(pairs) // 4:
            state[0] = word
            return False
        if p < end:
            left, length = decode(data, p)
            p += length
            while p < end:
                right, length = decode(data, p)
                i, key = _pair_slot(left, right, pairs, mask)
                if pairs[i] == U64(0):
                    pairs[i] = key
                    state[1] += 1
                pairs[i + U64(1)] += U64(counts[word])
                left = right
                p += length
    state[0] = len(counts)
    return True


@jit
def _rehash_pairs(pairs: npt.NDArray[np.uint64], larger: npt.NDArray[np.uint64]) -> None:
    mask = U64(len(larger) - 1)
    for row in range(0, len(pairs), 2):
        if pairs[row] != U64(0):
            key = pairs[row] - U64(1)
            i, _ = _pair_slot(key >> U64(21), key & U64(0x1FFFFF), larger, mask)
            larger[i], larger[i + U64(1)] = pairs[row], pairs[row + 1]


class CharacterPairs:
    """How often characters meet within words."""

    def __init__(self) -> None:
        self.table = np.zeros(1 << 17, np.uint64)
        self._used = 0

    def add(self, words: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> None:
        """Count the pairs of the words words[offsets[i]:offsets[i + 1]], valid UTF-8, each seen counts[i] times."""
        state = np.array([0, self._used], np.int64)
        while not _count_character_pairs(words, offsets, counts, state, self.table):
            larger = np.zeros(2 * len(self.table), np.uint64)
            _rehash_pairs(self.table, larger)
            self.table = larger
        self._used = int(state[1])


@jit
def cut_at_rare_pairs(
    words: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    pairs: npt.NDArray[np.uint64],
    bound: int,
    state: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    weights: npt.NDArray[np.int64],
) -> int:
    """Write the next ends, and weights, of the pieces of words that remain when each is cut between characters that
    meet fewer than `bound` times.

    state: word and position, (0, offsets[0]) at first. Returns the number of ends written; 0 when all words are done.
    """
    data, mask, n = pointer(words), U64(len(pairs) - 1), 0
    word, p = state[0], state[1]
    while word < len(counts) and n < len(ends):
        end = offsets[word + 1]
        while p < end and n < len(ends):
            left, length = decode(data, p)
            p += length
            while p < end:
                right, length = decode(data, p)
                i, _ = _pair_slot(left, right, pairs, mask)
                if pairs[i + U64(1)] < U64(bound):
                    break
                left = right
                p += length
            ends[n], weights[n] = p, counts[word]
            n += 1
        if p == end:
            word += 1
    state[0], state[1] = word, p
    return n
