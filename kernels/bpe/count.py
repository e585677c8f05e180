"""Counting distinct pieces of bytes, and cutting them where two characters meet too rarely to become one token.

The distinct pieces are numbered in the order of first use. Their bytes lie one after the other in a store, their counts
in an array by number, and an open-addressing table of 8 bytes a slot leads from a hash to a number. All grow: a kernel
stops when they are full, and goes on from where it was.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.bpe.character_classes import decode
from dspipe.kernels.hashing import GOLDEN, hash_piece, murmur_hash64
from dspipe.kernels.jit import entry, inline, load64, pointer

U64, I64 = np.uint64, np.int64
NUMBER = np.uint64(0xFFFFFFFF)


class PieceTable(NamedTuple):
    """Piece i has the bytes store[starts[i]:starts[i + 1]] (uint8, int64), and was seen counts[i] times (int64).

    slots: uint64[a power of two], the upper half of the hash and the piece's number + 1, 0 where free, at most two
    thirds taken. used: int64[1], the number of pieces.
    """

    slots: npt.NDArray[np.uint64]
    starts: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    store: npt.NDArray[np.uint8]
    used: npt.NDArray[np.int64]


def piece_table(slots: int = 1 << 14, store: int = 1 << 18) -> PieceTable:
    """An empty table; slots must be a power of two."""
    starts, counts = np.zeros(slots + 1, np.int64), np.empty(slots, np.int64)
    return PieceTable(np.zeros(slots, np.uint64), starts, counts, np.empty(store, np.uint8), np.zeros(1, np.int64))


def grow_table(table: PieceTable, piece: int) -> PieceTable:
    """The table with twice the slots or twice the store, or what a further piece of so many bytes needs."""
    slots, starts, counts, store, used = table
    pieces = int(used[0])
    if 3 * (pieces + 1) > 2 * len(slots):
        larger = np.zeros(2 * len(slots), np.uint64)
        _rehash(slots, larger)
        return PieceTable(larger, _lengthen(starts, pieces + 1), _lengthen(counts, pieces), store, used)
    size = int(starts[pieces])
    room = np.empty(max(2 * len(store), size + piece), np.uint8)
    room[:size] = store[:size]
    return PieceTable(slots, starts, counts, room, used)


def _lengthen(array: npt.NDArray[np.int64], taken: int) -> npt.NDArray[np.int64]:
    longer = np.empty(2 * len(array), np.int64)
    longer[:taken] = array[:taken]
    return longer


@inline
def _home(tag, size):  # type: ignore[no-untyped-def]
    """The slot where the search for the upper half of a hash begins; twice as far on in a table twice as large."""
    return tag * U64(size) >> U64(32)


@entry("larger")
def _rehash(slots: npt.NDArray[np.uint64], larger: npt.NDArray[np.uint64]) -> None:
    mask = U64(len(larger) - 1)
    for slot in slots:
        if slot != U64(0):
            i = _home(slot >> U64(32), len(larger))
            while larger[i] != U64(0):
                i = i + U64(1) & mask
            larger[i] = slot


@inline
def _same(store, stored, text, start, n, size):  # type: ignore[no-untyped-def]
    p, end = start, start + n
    while p + 8 <= end:
        if load64(store, stored) != load64(text, p):
            return False
        p += 8
        stored += 8
    while p < end:
        if store[stored] != text[p]:
            return False
        p += 1
        stored += 1
    return True


@entry("state", "table")
def count_pieces(
    text: npt.NDArray[np.uint8],
    ends: npt.NDArray[np.int64],
    weights: npt.NDArray[np.int64],
    state: npt.NDArray[np.int64],
    table: PieceTable,
) -> bool:
    """Add the pieces that end at `ends` (kernels.bpe.pretokenize), each as often as its weight says.

    state: number of the next piece and its start. Returns False when the table is full, before the next piece.
    """
    data, store, size, stored = pointer(text), pointer(table.store), len(text), len(table.store)
    slots, starts, counts = pointer(table.slots), pointer(table.starts), pointer(table.counts)
    slot_count, mask, pieces, p = len(table.slots), U64(len(table.slots) - 1), table.used[0], state[1]
    for piece in range(state[0], len(ends)):
        n = ends[piece] - p
        if n > 0:
            tag = hash_piece(data, p, n, size, U64(0)) >> U64(32)
            i = _home(tag, slot_count)
            while True:
                slot = slots[i]
                number = I64(slot & NUMBER) - 1
                if number < 0:
                    start = starts[pieces]
                    if 3 * (pieces + 1) > 2 * slot_count or start + n > stored:
                        state[0], state[1], table.used[0] = piece, p, pieces
                        return False
                    number = pieces
                    slots[i], counts[number], starts[number + 1] = tag << U64(32) | U64(number + 1), 0, start + n
                    for k in range(n):
                        store[start + k] = data[p + k]
                    pieces += 1
                    break
                if slot >> U64(32) == tag:
                    start = starts[number]
                    if starts[number + 1] - start == n and _same(store, start, data, p, n, size):
                        break
                i = i + U64(1) & mask
            counts[number] += weights[piece]
            p = ends[piece]
    state[0], state[1], table.used[0] = len(ends), p, pieces
    return True


@entry("hashes")
def hash_rows(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], seed: np.uint64, hashes: npt.NDArray[np.uint64]
) -> None:
    """A hash of each row data[offsets[i]:offsets[i + 1]], well mixed in all its bits."""
    raw = pointer(data)
    for row in range(len(offsets) - 1):
        hashes[row] = murmur_hash64(hash_piece(raw, offsets[row], offsets[row + 1] - offsets[row], len(data), seed))


# Pairs of characters: uint64[2 * slots], (left << 21 | right) + 1, 0 is free; count


@inline
def _pair_slot(left, right, pairs, mask):  # type: ignore[no-untyped-def]
    key = (U64(left) << U64(21) | U64(right)) + U64(1)
    i = (key * GOLDEN >> U64(30)) * U64(2) & mask
    while pairs[i] != U64(0) and pairs[i] != key:
        i = i + U64(2) & mask
    return i, key


@entry("state", "pairs")
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


@entry("larger")
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


@entry("state", "ends", "weights")
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
