"""Finding the frequent pairs of neighbouring symbols, and where they are, for training byte-level BPE.

Most distinct pairs are rare ones, and a row for each would take more memory than the text. So pairs are first added up
by the hash of the pair, in a table of sums: a pair is seen at most as often as its sum says. Only pairs whose sum
reaches the threshold get a row and are counted exactly, and only those that reach it themselves a list of positions.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.bpe.symbols import BORDER, Symbols
from dspipe.kernels.hashing import GOLDEN
from dspipe.kernels.jit import entry, inline, pointer

U64, I64 = np.uint64, np.int64
EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
MAX_SUM = 0xFFFFFFFF
MIN_SLOTS, MIN_ROOM = 1 << 15, 1 << 15


class Pairs(NamedTuple):
    """The pairs seen at least `low` times, and some others.

    table: uint64[3 * slots], rows (left << 32 | right or EMPTY, count, first << 32 | number of its positions), at most
    two thirds taken; the positions of a pair are positions[first:first + number], ascending, listed if it is seen `low`
    times.
    used: int64[2], rows and positions.
    """

    table: npt.NDArray[np.uint64]
    positions: npt.NDArray[np.int32]
    used: npt.NDArray[np.int64]


def pair_sums(symbols: Symbols, ids: int) -> npt.NDArray[np.uint32]:
    """How often the pairs of each hash are seen together, at most 2^32 - 1. ids: number of distinct ids."""
    slots = 1 << 16
    while slots < min(len(symbols.ids) // 4, ids * ids):
        slots *= 2
    sums = np.zeros(slots, np.uint32)
    _add_up(symbols.ids, symbols.starts, symbols.counts, sums)
    return sums


def find_pairs(symbols: Symbols, sums: npt.NDArray[np.uint32], low: int) -> Pairs:
    """The pairs seen at least `low` times, with room for those that merging makes."""
    bound, table, state = min(low, MAX_SUM), np.full(3 * MIN_SLOTS, EMPTY), np.array([1, 0], np.int64)
    while not _count(symbols.ids, symbols.starts, symbols.counts, sums, bound, table, state):
        table = _double(table)
    taken = int(state[1])
    while 9 * (taken + max(taken // 4, MIN_ROOM)) > 2 * len(table):
        table = _double(table)
    positions = np.empty(_divide(table, low) + max(MIN_ROOM, len(symbols.ids) // 4), np.int32)
    listed = _list(symbols.ids, sums, bound, low, table, positions)
    return Pairs(table, positions, np.array([taken, listed], np.int64))


@inline
def pair_of(left, right):  # type: ignore[no-untyped-def]
    """The pair as one number."""
    return U64(left) << U64(32) | U64(right)


@inline
def _hash(pair):  # type: ignore[no-untyped-def]
    return pair * GOLDEN >> U64(30)


@inline
def find(rows, mask, pair):  # type: ignore[no-untyped-def]
    """Where the pair's row begins in the table, or the free row for it."""
    i = _hash(pair) & mask
    while rows[U64(3) * i] != pair and rows[U64(3) * i] != EMPTY:
        i = i + U64(1) & mask
    return I64(U64(3) * i)


@entry("sums_")
def _add_up(
    ids_: npt.NDArray[np.int32],
    starts: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    sums_: npt.NDArray[np.uint32],
) -> None:
    ids, sums, mask, group, left = pointer(ids_), pointer(sums_), U64(len(sums_) - 1), 0, I64(BORDER)
    for i in range(1, len(ids_)):
        right = I64(ids[i])
        if left >= 0 and right >= 0:
            while starts[group + 1] <= i:
                group += 1
            slot = _hash(pair_of(left, right)) & mask
            sums[slot] = min(I64(sums[slot]) + counts[group], MAX_SUM)
        left = right


@entry("table", "state")
def _count(
    ids_: npt.NDArray[np.int32],
    starts: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    sums_: npt.NDArray[np.uint32],
    bound: int,
    table: npt.NDArray[np.uint64],
    state: npt.NDArray[np.int64],
) -> bool:
    """Count the pairs whose sum reaches `bound`, and their positions. state: next position, rows taken.

    False when the table is full, before the next position.
    """
    ids, sums, rows, group, left = pointer(ids_), pointer(sums_), pointer(table), 0, I64(ids_[state[0] - 1])
    sums_mask, mask, max_rows, taken = U64(len(sums_) - 1), U64(len(table) // 3 - 1), 2 * (len(table) // 9), state[1]
    for i in range(state[0], len(ids_)):
        right = I64(ids[i])
        if left >= 0 and right >= 0:
            pair = pair_of(left, right)
            if I64(sums[_hash(pair) & sums_mask]) >= bound:
                while starts[group + 1] <= i:
                    group += 1
                row = find(rows, mask, pair)
                if rows[row] == EMPTY:
                    if taken >= max_rows:
                        state[0], state[1] = i, taken
                        return False
                    rows[row], rows[row + 1], rows[row + 2] = pair, U64(0), U64(0)
                    taken += 1
                rows[row + 1] += U64(counts[group])
                rows[row + 2] += U64(1)
        left = right
    state[1] = taken
    return True


def _double(table: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    larger = np.full(2 * len(table), EMPTY)
    _copy_rows(table, larger)
    return larger


@entry("larger")
def _copy_rows(table: npt.NDArray[np.uint64], larger: npt.NDArray[np.uint64]) -> None:
    mask = U64(len(larger) // 3 - 1)
    for row in range(0, len(table), 3):
        if table[row] != EMPTY:
            i = find(larger, mask, table[row])
            larger[i], larger[i + 1], larger[i + 2] = table[row], table[row + 1], table[row + 2]


@entry("table")
def _divide(table: npt.NDArray[np.uint64], low: int) -> int:
    """Give each pair seen at least `low` times the start of its list; returns how many positions there are in all."""
    first = I64(0)
    for row in range(0, len(table), 3):
        if table[row] != EMPTY and I64(table[row + 1]) >= low:
            number = I64(table[row + 2])
            table[row + 2] = U64(first) << U64(32)
            first += number
    return int(first)


@entry("table", "positions")
def _list(
    ids_: npt.NDArray[np.int32],
    sums_: npt.NDArray[np.uint32],
    bound: int,
    low: int,
    table: npt.NDArray[np.uint64],
    positions: npt.NDArray[np.int32],
) -> int:
    ids, sums, rows, n, left = pointer(ids_), pointer(sums_), pointer(table), 0, I64(BORDER)
    sums_mask, mask = U64(len(sums_) - 1), U64(len(table) // 3 - 1)
    for i in range(1, len(ids_)):
        right = I64(ids[i])
        if left >= 0 and right >= 0:
            pair = pair_of(left, right)
            if I64(sums[_hash(pair) & sums_mask]) >= bound:
                row = find(rows, mask, pair)
                if I64(rows[row + 1]) >= low:
                    positions[I64(rows[row + 2] >> U64(32)) + I64(rows[row + 2] & U64(0xFFFFFFFF))] = i - 1
                    rows[row + 2] += U64(1)
                    n += 1
        left = right
    return n
