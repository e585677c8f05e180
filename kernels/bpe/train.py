"""Training byte-level BPE from word counts, with the merges of Hugging Face's trainer in its order.

The rule: merge the pair of neighbours with the highest count, of equals that with the smallest ids (left id first), in
all words at once, left to right; count again; repeat.

A pair's count never rises after the merge that made the later of its symbols. So pairs below a threshold are of no
interest until nothing above it is left. Training goes in rounds with lower and lower thresholds; in each, only the
pairs above it have a row in a table, a list of their positions, and an entry in a heap (kernels.bpe.pairs), and between
rounds all is counted again from the symbols (kernels.bpe.symbols). Rare pairs, which hardly ever become merges, then
take neither time nor memory. A round that runs out of room just ends, and the next has the same threshold.

A list of positions is never shortened: a position where the pair no longer stands is known from the symbols there,
since symbols only grow. The heap's counts may be out of date, and are looked up when they come up.

No two merges make the same string, so a new id is always a new token: for one string to be merged from two different
pairs, some inner pair would have to be merged in one place and left alone in another while both stood side by side.
(tests/kernels/bpe/test_train.py looks for one in many small random corpora.)
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from dspipe.kernels.bpe.pairs import EMPTY, find, find_pairs, pair_of, pair_sums
from dspipe.kernels.bpe.symbols import BORDER, INSIDE, Words, close_up, count_at, lay_out
from dspipe.kernels.jit import entry, inline, jit, pointer, prefetch

U64, I64 = np.uint64, np.int64
LEFT, RIGHT = 0, 1


def train_merges(
    parts: Iterable[Words],
    byte_ids: npt.NDArray[np.int64],
    wanted: int,
    min_count: int,
    progress: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Up to `wanted` merges of the words of all parts, which are gone through three times.

    byte_ids: the ids 0 to 255 of the 256 bytes. Pairs seen fewer than `min_count` times (at least 1) are not merged.
    progress: int64[1], the number of merges done, for another thread to look at.
    Returns the merges (int32, rows of left id and right id; row r makes id 256 + r) and their counts (int64).
    Raises ValueError for words of 2^31 bytes or more, and for parts that change.
    """
    symbols = lay_out(parts, byte_ids)
    merges, frequencies = np.zeros((wanted, 2), np.int32), np.zeros(wanted, np.int64)
    made, low, none_above = 0, 1 << 62, True
    while made < wanted and not (none_above and low == min_count):
        sums = pair_sums(symbols, 256 + made)
        if none_above:
            low = max(min_count, _lower(sums, low, wanted - made))
        pairs = find_pairs(symbols, sums, low)
        del sums
        made, none_above = _merge_all(*symbols, *pairs, low, merges, frequencies, made, progress)
        del pairs
        symbols = close_up(symbols)
    return merges[:made], frequencies[:made]


def _lower(sums: npt.NDArray[np.uint32], low: int, wanted: int) -> int:
    """The next threshold: a quarter of the highest count that there may be, or half of it where a quarter would mean
    rows for more than twice as many pairs as merges are wanted."""
    highest = min(low - 1, int(sums.max()))
    return highest // 4 if np.count_nonzero(sums >= highest // 4) <= 2 * wanted else highest // 2


# The heap: counts (int64) and pairs (uint64), the highest count first, of equals the smallest pair


@inline
def _above(counts, pairs, i, j):  # type: ignore[no-untyped-def]
    return counts[i] > counts[j] or (counts[i] == counts[j] and pairs[i] < pairs[j])


@inline
def _swap(counts, pairs, i, j):  # type: ignore[no-untyped-def]
    counts[i], counts[j] = counts[j], counts[i]
    pairs[i], pairs[j] = pairs[j], pairs[i]


@jit
def _push(counts, pairs, n, count, pair):  # type: ignore[no-untyped-def]
    counts[n], pairs[n] = count, pair
    i = n
    while i > 0 and _above(counts, pairs, i, (i - 1) >> 1):
        _swap(counts, pairs, i, (i - 1) >> 1)
        i = (i - 1) >> 1


@jit
def _sink(counts, pairs, n):  # type: ignore[no-untyped-def]
    i = 0
    while 2 * i + 1 < n:
        child = 2 * i + 1
        if child + 1 < n and _above(counts, pairs, child + 1, child):
            child += 1
        if not _above(counts, pairs, child, i):
            break
        _swap(counts, pairs, i, child)
        i = child


@jit
def _build_heap(
    table: npt.NDArray[np.uint64], low: int, counts: npt.NDArray[np.int64], pairs: npt.NDArray[np.uint64]
) -> int:
    """Put the pairs seen at least `low` times into the heap, and return their number."""
    n = 0
    for row in range(0, len(table), 3):
        if table[row] != EMPTY and I64(table[row + 1]) >= low:
            _push(counts, pairs, n, I64(table[row + 1]), table[row])
            n += 1
    return n


# Merging one pair: join it at its positions, add up their neighbours, give the pairs that come of it rows, then lists


@jit
def _join(ids_, positions_, first, number, left, right, length_left, length_right, new):  # type: ignore[no-untyped-def]
    """Join left and right wherever they still stand side by side; such positions are moved to the front of the list.

    Returns their number. Places ascend, so overlaps (aa in aaa) are merged from the left.
    """
    ids, positions, n, end = pointer(ids_), pointer(positions_), 0, first + number
    for x in range(first, end):
        if x + 8 < end:
            prefetch(ids, I64(positions[x + 8]))
        i = I64(positions[x])
        j = i + length_left
        if ids[i] == left and ids[j] == right:
            ids[i], ids[j] = new, INSIDE
            ids[j + length_right - 1] = -1 - length_left - length_right
            positions[first + n] = i
            n += 1
    return n


@inline
def _previous(ids, i):  # type: ignore[no-untyped-def]
    """The position of the symbol to the left of i, or -1."""
    last = I64(ids[i - 1])
    return I64(-1) if last == BORDER else i - 1 if last >= 0 else i + 1 + last


@jit
def _add_neighbours(  # type: ignore[no-untyped-def]
    ids_, starts, counts, blocks_, positions_, first, n, new, length, weights, numbers, touched, n_touched
):
    """Add up the symbols to the left and right of the n new ones; returns how often two of these meet, and where."""
    ids, blocks, positions, twins, twin_count = pointer(ids_), pointer(blocks_), pointer(positions_), 0, 0
    n_touched[:] = 0
    for x in range(first, first + n):
        if x + 8 < first + n:
            prefetch(ids, I64(positions[x + 8]))
        i = I64(positions[x])
        weight = count_at(i, starts, counts, blocks)
        before = _previous(ids, i)
        if before >= 0 and ids[before] == new:
            twins += weight
            twin_count += 1
        for side in (LEFT, RIGHT):
            symbol = I64(ids[i + length]) if side == RIGHT else I64(ids[before]) if before >= 0 else I64(BORDER)
            if symbol >= 0 and symbol != new:
                if numbers[side, symbol] == 0:
                    touched[side, n_touched[side]] = symbol
                    n_touched[side] += 1
                weights[side, symbol] += weight
                numbers[side, symbol] += 1
    return twins, twin_count


@inline
def _lose(rows, mask, pair, weight):  # type: ignore[no-untyped-def]
    row = find(rows, mask, pair)
    if rows[row] == pair:
        rows[row + 1] -= U64(weight)


@inline
def _gain(rows, slots, pair, weight, number, size, used):  # type: ignore[no-untyped-def]
    """Give the pair a row and a list of `number` positions; returns where the list begins, -1 when there is no room."""
    if 3 * used[0] >= 2 * slots or used[1] + number > size:
        return I64(-1)
    row, first = find(rows, U64(slots - 1), pair), used[1]
    rows[row], rows[row + 1], rows[row + 2] = pair, U64(weight), U64(first) << U64(32) | U64(number)
    used[0] += 1
    used[1] += number
    return first


@jit
def _list_neighbours(ids_, positions_, first, n, new, length, numbers, twin_position):  # type: ignore[no-untyped-def]
    """Write the positions of the pairs with the n new symbols to the lists that begin at `numbers` and
    twin_position."""
    ids, positions = pointer(ids_), pointer(positions_)
    for x in range(first, first + n):
        if x + 8 < first + n:
            prefetch(ids, I64(positions[x + 8]))
        i = I64(positions[x])
        before, after = _previous(ids, i), I64(ids[i + length])
        if before >= 0:
            symbol = I64(ids[before])
            if symbol == new:
                if twin_position >= 0:
                    positions[twin_position] = before
                    twin_position += 1
            elif numbers[LEFT, symbol] >= 0:
                positions[numbers[LEFT, symbol]] = before
                numbers[LEFT, symbol] += 1
        if after >= 0 and after != new and numbers[RIGHT, after] >= 0:
            positions[numbers[RIGHT, after]] = i
            numbers[RIGHT, after] += 1


@entry("ids", "table", "positions", "used", "merges", "frequencies", "progress")
def _merge_all(  # type: ignore[no-untyped-def]
    ids, starts, counts, blocks, table, positions, used, low, merges, frequencies, made, progress
):
    """Merge the pairs seen at least `low` times. Returns the number of merges, and whether no such pair is left."""
    slots = len(table) // 3
    rows, mask = pointer(table), U64(slots - 1)
    heap_counts, heap_pairs = np.empty(slots, np.int64), np.empty(slots, np.uint64)
    n_heap, room = _build_heap(table, low, heap_counts, heap_pairs), True
    lengths = np.ones(256 + len(merges), np.int64)
    weights, numbers = np.zeros((2, len(lengths)), np.int64), np.zeros((2, len(lengths)), np.int64)
    touched, n_touched = np.empty((2, len(lengths)), np.int32), np.zeros(2, np.int64)
    while n_heap > 0 and room and made < len(merges):
        pair, count = heap_pairs[0], heap_counts[0]
        row = find(rows, mask, pair)
        now = I64(rows[row + 1])
        if now != count and now >= low:
            heap_counts[0] = now
            _sink(heap_counts, heap_pairs, n_heap)
            continue
        n_heap -= 1
        heap_counts[0], heap_pairs[0] = heap_counts[n_heap], heap_pairs[n_heap]
        _sink(heap_counts, heap_pairs, n_heap)
        if now != count:
            continue
        left, right, new = I64(pair >> U64(32)), I64(pair & U64(0xFFFFFFFF)), 256 + made
        merges[made, 0], merges[made, 1], frequencies[made] = left, right, count
        lengths[new] = lengths[left] + lengths[right]
        first, number = I64(rows[row + 2] >> U64(32)), I64(rows[row + 2] & U64(0xFFFFFFFF))
        n = _join(ids, positions, first, number, left, right, lengths[left], lengths[right], new)
        twins, twin_count = _add_neighbours(
            ids, starts, counts, blocks, positions, first, n, new, lengths[new], weights, numbers, touched, n_touched
        )
        listed, twin_position = used[1], I64(-1)
        for side in (LEFT, RIGHT):
            for x in range(n_touched[side]):
                symbol = I64(touched[side, x])
                weight, number = weights[side, symbol], numbers[side, symbol]
                _lose(rows, mask, pair_of(symbol, left) if side == LEFT else pair_of(right, symbol), weight)
                numbers[side, symbol] = -1
                if weight >= low:
                    gained = pair_of(symbol, new) if side == LEFT else pair_of(new, symbol)
                    numbers[side, symbol] = _gain(rows, slots, gained, weight, number, len(positions), used)
                    if numbers[side, symbol] < 0:
                        room = False
                    else:
                        _push(heap_counts, heap_pairs, n_heap, weight, gained)
                        n_heap += 1
        if twins > 0:
            _lose(rows, mask, pair_of(right, left), twins)
            if twins >= low:
                twin_position = _gain(rows, slots, pair_of(new, new), twins, twin_count, len(positions), used)
                if twin_position < 0:
                    room = False
                else:
                    _push(heap_counts, heap_pairs, n_heap, twins, pair_of(new, new))
                    n_heap += 1
        rows[row + 1] = U64(0)  # after its loss where it overlaps itself
        if used[1] > listed:
            _list_neighbours(ids, positions, first, n, new, lengths[new], numbers, twin_position)
        for side in (LEFT, RIGHT):
            for x in range(n_touched[side]):
                weights[side, touched[side, x]] = numbers[side, touched[side, x]] = 0
        made += 1
        progress[0] = made
    return made, room and n_heap == 0
