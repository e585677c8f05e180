"""Training byte-level BPE from word counts, with the merges of Hugging Face's trainer in its order.

The rule: merge the pair of neighbours with the highest count, of equals that with the smallest ids (left id first), in
all words at once, left to right; count again; repeat.

Each byte of the distinct words has a position. A symbol lives at the position of its first byte, so that merging moves
nothing: the symbol to the right of one at i is at i + its length. At the position of its last byte, if that is another,
is -1 - its length, which leads to the symbol to the left. All
occurrences of a pair form a doubly linked list through these positions, so that a merge visits them and nothing else.
A heap gives the pair of the highest count; its entries may be out of date, and are looked up when they come up. Only
pairs above a threshold are in it; when it is empty the threshold is lowered, so that the long tail of rare pairs, which
hardly ever become merges, costs a row in a table and no more.

No two merges make the same string, so a new id is always a new token: for one string to be merged from two different
pairs, some inner pair would have to be merged in one place and left alone in another while both stood side by side.
(tests/kernels/test_bpe_train.py looks for one in many small random corpora.)
"""

import numpy as np
import numpy.typing as npt

from kernels.jit import inline, jit, pointer, prefetch

U64, I64 = np.uint64, np.int64
EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
BORDER, GONE = -1, -2
MOST_POSITIONS = (1 << 31) - 2
MOST_COUNT = (1 << 32) - 1


def train_merges(
    words: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
    byte_ids: npt.NDArray[np.int64],
    wanted: int,
    min_count: int,
    progress: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Up to `wanted` merges of the distinct words words[offsets[i]:offsets[i + 1]], each seen counts[i] times.

    byte_ids: the ids 0 to 255 of the 256 bytes. Pairs seen fewer than `min_count` times (at least 1) are not merged.
    progress: int64[1], the number of merges done, for another thread to look at.
    Returns the merges (int32, rows of left id and right id; row r makes id 256 + r) and their counts (int64).
    Needs 16 bytes a byte of words and 24 to 48 a distinct pair. Raises ValueError above 2^31 bytes or a count of 2^32.
    """
    positions = int(offsets[-1] - offsets[0]) + len(offsets)
    if positions > MOST_POSITIONS:
        raise ValueError(f"{positions:,} bytes of distinct words are too many to train on; at most {MOST_POSITIONS:,}")
    if len(counts) and int(counts.max()) > MOST_COUNT:
        raise ValueError(f"a word was seen {int(counts.max()):,} times; at most {MOST_COUNT:,}")
    merges, frequencies = np.zeros((wanted, 2), np.int32), np.zeros(wanted, np.int64)
    made = _train(words, offsets, counts, byte_ids, min_count, merges, frequencies, progress)
    return merges[:made], frequencies[:made]


# The pair table: uint64[3 * slots] rows (left << 32 | right or EMPTY, count, first position)


@inline
def _find(rows, mask, key):  # type: ignore[no-untyped-def]
    """Place of the pair's row, or of the free row for it."""
    i = key * U64(0x9E3779B97F4A7C15) >> U64(30) & mask
    while rows[U64(3) * i] != key and rows[U64(3) * i] != EMPTY:
        i = i + U64(1) & mask
    return I64(U64(3) * i)


@jit
def _compacted(table: npt.NDArray[np.uint64], coming: int) -> tuple[npt.NDArray[np.uint64], int]:
    """A table with the pairs that still occur and room for `coming` more, half full; and how many there are."""
    used = 0
    for row in range(0, len(table), 3):
        if table[row] != EMPTY and table[row + 1] > U64(0):
            used += 1
    slots = 1 << 16
    while slots < 2 * (used + coming):
        slots *= 2
    new = np.full(3 * slots, EMPTY)
    rows, mask = pointer(new), U64(slots - 1)
    for row in range(0, len(table), 3):
        if table[row] != EMPTY and table[row + 1] > U64(0):
            i = _find(rows, mask, table[row])
            new[i], new[i + 1], new[i + 2] = table[row], table[row + 1], table[row + 2]
    return new, used


@inline
def _unlink(rows, mask, key, i, weight, before, after):  # type: ignore[no-untyped-def]
    """Take position i off the pair's list, and its weight off the count."""
    row = _find(rows, mask, key)
    rows[row + 1] -= U64(weight)
    left, right = before[i], after[i]
    if left >= 0:
        after[left] = right
    else:
        rows[row + 2] = U64(right) if right >= 0 else EMPTY
    if right >= 0:
        before[right] = left


@inline
def _link(rows, mask, key, i, weight, before, after, fresh, n_fresh, used):  # type: ignore[no-untyped-def]
    """Put position i on the pair's list; a pair that didn't occur is noted in `fresh`. Returns n_fresh and used."""
    row = _find(rows, mask, key)
    first = I64(-1)
    if rows[row] == EMPTY:
        rows[row], rows[row + 1] = key, U64(0)
        used += 1
    elif rows[row + 2] != EMPTY:
        first = I64(rows[row + 2])
    if rows[row + 1] == U64(0):
        fresh[n_fresh] = key
        n_fresh += 1
    rows[row + 1] += U64(weight)
    before[i], after[i] = -1, first
    if first >= 0:
        before[first] = i
    rows[row + 2] = U64(i)
    return n_fresh, used


# The heap: counts (int64) and keys (uint64), the highest count first, of equals the smallest key


@inline
def _above(counts, keys, i, j):  # type: ignore[no-untyped-def]
    return counts[i] > counts[j] or (counts[i] == counts[j] and keys[i] < keys[j])


@inline
def _swap(counts, keys, i, j):  # type: ignore[no-untyped-def]
    counts[i], counts[j] = counts[j], counts[i]
    keys[i], keys[j] = keys[j], keys[i]


@jit
def _push(counts, keys, n, count, key):  # type: ignore[no-untyped-def]
    """Returns the arrays, longer ones where there was no room."""
    if n == len(counts):
        counts, keys = np.append(counts, counts), np.append(keys, keys)
    counts[n], keys[n] = count, key
    i = n
    while i > 0 and _above(counts, keys, i, (i - 1) >> 1):
        _swap(counts, keys, i, (i - 1) >> 1)
        i = (i - 1) >> 1
    return counts, keys


@jit
def _sink(counts, keys, n):  # type: ignore[no-untyped-def]
    i = 0
    while 2 * i + 1 < n:
        child = 2 * i + 1
        if child + 1 < n and _above(counts, keys, child + 1, child):
            child += 1
        if not _above(counts, keys, child, i):
            break
        _swap(counts, keys, i, child)
        i = child


@jit
def _highest_below(table: npt.NDArray[np.uint64], limit: int) -> int:
    highest = 0
    for row in range(0, len(table), 3):
        if table[row] != EMPTY and I64(table[row + 1]) < limit:
            highest = max(highest, int(table[row + 1]))
    return highest


@jit
def _apply(  # type: ignore[no-untyped-def]
    table, used, todo, n, key, new, lengths, symbols_, weights_, before_, after_, fresh_
):
    """Merge the pair at the n positions todo; returns the number of fresh pairs and of rows used."""
    rows, mask = pointer(table), U64(len(table) // 3 - 1)
    symbols, weights = pointer(symbols_), pointer(weights_)
    before, after, fresh = pointer(before_), pointer(after_), pointer(fresh_)
    a, b, n_fresh = I64(key >> U64(32)), I64(key & U64(0xFFFFFFFF)), 0
    length_a, length_b, new64 = I64(lengths[a]), I64(lengths[b]), U64(new)
    for x in range(n):
        if x + 8 < n:
            ahead = I64(todo[x + 8])
            prefetch(symbols, ahead)
            prefetch(weights, ahead)
            prefetch(after, ahead)
        i = I64(todo[x])
        j = i + length_a
        if symbols[i] != a or symbols[j] != b:
            continue  # one of aa, aa in aaa was merged before
        k, weight = j + length_b, weights[i]
        last = I64(symbols[i - 1])
        if last != BORDER:
            h = i - 1 if last >= 0 else i + 1 + last
            left = U64(symbols[h]) << U64(32)
            if left | U64(a) != key:
                _unlink(rows, mask, left | U64(a), h, weight, before, after)
            n_fresh, used = _link(rows, mask, left | new64, h, weight, before, after, fresh, n_fresh, used)
        if symbols[k] != BORDER:
            right = U64(symbols[k])
            if U64(b) << U64(32) | right != key:
                _unlink(rows, mask, U64(b) << U64(32) | right, j, weight, before, after)
            n_fresh, used = _link(rows, mask, new64 << U64(32) | right, i, weight, before, after, fresh, n_fresh, used)
        symbols[i], symbols[j] = new, GONE
        symbols[k - 1] = -1 - length_a - length_b  # after symbols[j], which it may be
    return n_fresh, used


@jit
def _lay_out(  # type: ignore[no-untyped-def]
    words, offsets, counts, byte_ids, table, symbols, weights, before_, after_, fresh_
):
    """Put the words' bytes at their positions and link all pairs; returns the rows used."""
    rows, mask = pointer(table), U64(len(table) // 3 - 1)
    before, after, fresh = pointer(before_), pointer(after_), pointer(fresh_)
    i, used = 0, 0
    symbols[0] = BORDER
    for word in range(len(counts)):
        for p in range(offsets[word], offsets[word + 1]):
            i += 1
            symbols[i], weights[i] = byte_ids[words[p]], counts[word]
            if p > offsets[word]:
                pair = U64(symbols[i - 1]) << U64(32) | U64(symbols[i])
                _, used = _link(rows, mask, pair, i - 1, weights[i], before, after, fresh, 0, used)
        i += 1
        symbols[i] = BORDER
    return used


@jit
def _train(  # type: ignore[no-untyped-def]
    words, offsets, counts, byte_ids, min_count, merges, frequencies, progress
):
    size = offsets[-1] - offsets[0] + len(offsets)
    symbols, weights = np.empty(size, np.int32), np.empty(size, np.uint32)
    before, after = np.empty(size, np.int32), np.empty(size, np.int32)
    lengths = np.ones(256 + len(merges), np.int32)
    fresh, todo = np.empty(1 << 16, np.uint64), np.empty(1 << 16, np.int32)
    table = np.full(3 << 17, EMPTY)  # pairs of bytes are at most 65,536
    used = _lay_out(words, offsets, counts, byte_ids, table, symbols, weights, before, after, fresh)
    heap_counts, heap_keys, n_heap = np.empty(1 << 16, np.int64), np.empty(1 << 16, np.uint64), 0
    low, made = I64(1) << 62, 0
    while made < len(merges):
        if n_heap == 0:
            if low <= min_count:
                break
            high = low
            low = max(I64(min_count), _highest_below(table, high) // 4)
            for row in range(0, len(table), 3):
                if table[row] != EMPTY and low <= I64(table[row + 1]) < high:
                    heap_counts, heap_keys = _push(heap_counts, heap_keys, n_heap, I64(table[row + 1]), table[row])
                    n_heap += 1
            continue
        key, count = heap_keys[0], heap_counts[0]
        row = _find(table, U64(len(table) // 3 - 1), key)
        now = I64(table[row + 1]) if table[row] == key else I64(0)
        if now != count and now >= low:
            heap_counts[0] = now
            _sink(heap_counts, heap_keys, n_heap)
            continue
        n_heap -= 1
        heap_counts[0], heap_keys[0] = heap_counts[n_heap], heap_keys[n_heap]
        _sink(heap_counts, heap_keys, n_heap)
        if now != count:
            continue
        left, right, new = I64(key >> U64(32)), I64(key & U64(0xFFFFFFFF)), 256 + made
        merges[made, 0], merges[made, 1], frequencies[made] = left, right, count
        lengths[new] = lengths[left] + lengths[right]
        n, i = 0, I64(table[row + 2])
        while i >= 0:
            if n == len(todo):
                todo = np.append(todo, todo)
            todo[n] = i
            n += 1
            i = I64(after[i])
        table[row + 1], table[row + 2] = U64(0), EMPTY
        if left == right:
            todo[:n].sort()  # overlaps are merged from the left
        if (used + 2 * n) * 9 > 2 * len(table):  # keep it at most two thirds full
            table, used = _compacted(table, 2 * n)
        if 2 * n > len(fresh):
            fresh = np.empty(4 * n, np.uint64)
        n_fresh, used = _apply(table, used, todo, n, key, new, lengths, symbols, weights, before, after, fresh)
        for x in range(n_fresh):
            count = I64(table[_find(table, U64(len(table) // 3 - 1), fresh[x]) + 1])
            if count >= low:
                heap_counts, heap_keys = _push(heap_counts, heap_keys, n_heap, count, fresh[x])
                n_heap += 1
        made += 1
        progress[0] = made
    return made
