"""Which benchmark question a document covers most: shared n-grams of units, and the share of each question's own.

A question is the set of its n-grams; the n-grams that more than `common` questions have (a task's standing phrases) are
left out. A document's overlap with a question is the share of the question's n-grams that occur in it. Questions
shorter than n units are one n-gram of their own length, if they have at least `shortest` units: GPT-3's rule (Brown et
al., 2020, appendix C: n between 8 and 13), DeepSeekMath's with 10 and 3 (Shao et al., 2024, section 2.1).

The n-grams that a document shares are found in its text (`shared_ngrams`); what they cover is found from their numbers
(`overlap`), so that n-grams can be left out once it is known how often the whole corpus has them. Where in the text the
n-grams of covered questions stand is looked for in the few documents that cover one (`find_passages`).

Most n-grams of a text are in no benchmark, and a bit array says so for nearly all of them, by their first units, once
for n-grams of all lengths.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.dedup.units import characters, scan_units
from dspipe.kernels.hashing import GOLDEN, quick_hash64
from dspipe.kernels.jit import entry, inline, pointer

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]
Float32 = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

_BLOCK_BYTES = 1 << 14
_FILTER_BITS = 16  # bits of the filter per n-gram: about 1 in 16 others gets through to the table


class Index(NamedTuple):
    """What is looked up. n-grams are numbered; `rows` and `items` say which questions have n-gram i:
    items[rows[i]:rows[i + 1]].

    lengths  int64, ascending: the n that occur;  totals  int32 [questions], n-grams of each
    filter   uint64, bits for the hashes of the n-grams' first head[0] units, whatever their n
    keys     uint64, a power of two of slots, 0 is free;  numbers  int32, the n-gram in each slot
    """

    head: Int64
    lengths: Int64
    totals: Int32
    filter: UInt64
    keys: UInt64
    numbers: Int32
    rows: Int64
    items: Int32


@inline
def _key(prefixes, first, n, power):  # type: ignore[no-untyped-def]
    """The hash of the n-gram that starts at unit `first`, from prefix polynomials; never 0."""
    return quick_hash64(prefixes[first + n] - prefixes[first] * power + np.uint64(n)) | np.uint64(1)


@inline
def _extend(units, prefixes, count):  # type: ignore[no-untyped-def]
    for k in range(count):
        prefixes[k + 1] = prefixes[k] * GOLDEN + quick_hash64(units[k])


@inline
def _find(keys, numbers, key):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(keys) - 1)
    slot = np.int64((key >> np.uint64(1)) & mask)
    while keys[slot] != np.uint64(0):
        if keys[slot] == key:
            return np.int64(numbers[slot])
        slot = np.int64((np.uint64(slot) + np.uint64(1)) & mask)
    return np.int64(-1)


@entry("ends", "sizes")
def _find_shared(data, offsets, tables, powers, index, ends, sizes):  # type: ignore[no-untyped-def]
    """The n-grams of the index that each document has, once each, one document after the other; see `Shared`.

    tables: Characters (kernels.dedup.units); powers: uint64, the powers of the polynomials' base.
    """
    lengths, filter_bits, keys, numbers, ngrams = (
        index.lengths,
        index.filter,
        index.keys,
        index.numbers,
        len(index.rows) - 1,
    )
    shortest, longest = index.head[0], lengths[-1]
    head_power = powers[shortest]
    room = _BLOCK_BYTES // 2 + 2 + longest
    units, prefixes = np.empty(room, np.uint64), np.zeros(room + 1, np.uint64)
    filter_mask = np.uint64(64 * len(filter_bits) - 1)
    bits_at, prefix_at = pointer(filter_bits), pointer(prefixes)
    found_in = np.full(ngrams, -1, np.int64)
    found, total = np.empty(1024, np.int32), 0
    for document in range(len(offsets) - 1):
        i, end = offsets[document], offsets[document + 1]
        word = np.uint64(0)
        carried = 0
        sizes[document] = 0
        while i < end:
            stop = min(i + _BLOCK_BYTES, end)
            i, word, count = scan_units(data, i, stop, end, word, tables, units, carried)
            if i >= end and word != np.uint64(0):
                units[count] = word
                count += 1
            sizes[document] += count - carried
            _extend(units, prefixes, count)
            for first in range(max(0, carried - longest + 1), count - shortest + 1):
                start_key = _key(prefix_at, first, shortest, head_power)
                bit = (start_key >> np.uint64(1)) & filter_mask
                if (bits_at[np.int64(bit >> np.uint64(6))] >> (bit & np.uint64(63))) & np.uint64(1) == np.uint64(0):
                    continue
                for n in lengths:
                    # those that end before the new units have been looked up, those that end after them will be
                    if first + n <= carried or first + n > count:
                        continue
                    number = _find(keys, numbers, _key(prefix_at, first, n, powers[n]))
                    if number < 0 or found_in[number] == document:
                        continue
                    found_in[number] = document
                    if total == len(found):
                        larger = np.empty(2 * total, np.int32)
                        larger[:total] = found
                        found = larger
                    found[total] = number
                    total += 1
            kept = min(count, longest - 1)
            for k in range(kept):
                units[k] = units[count - kept + k]
            carried = kept
        ends[document + 1] = total
    return found[:total]


@entry("best", "share", "reached", "of_covered")
def _cover(  # type: ignore[no-untyped-def]
    ngrams, ends, ignored, counted, totals, rows, items, coverage, best, share, reached, of_covered
):
    """The question that each document covers most, the share, the most that is covered of each question, and the
    n-grams of questions that the document covers by `coverage` at least."""
    counted_in, counts = np.full(len(totals), -1, np.int64), np.zeros(len(totals), np.int32)
    for document in range(len(ends) - 1):
        best[document], share[document] = -1, 0.0
        for at in range(ends[document], ends[document + 1]):
            number = ngrams[at]
            if ignored[number]:
                continue
            for k in range(rows[number], rows[number + 1]):
                item = items[k]
                if counted_in[item] != document:
                    counted_in[item], counts[item] = document, 0
                counts[item] += 1
                part = np.float32(counts[item]) / np.float32(totals[item])
                # of equals the first question, whatever the order in which they were found
                if part > share[document] or (part == share[document] and item < best[document]):
                    best[document], share[document] = item, part
                if counted[document] and part > reached[item]:
                    reached[item] = part
        for at in range(ends[document], ends[document + 1]):
            number = ngrams[at]
            of_covered[at] = False
            if ignored[number] or share[document] < coverage:
                continue
            for k in range(rows[number], rows[number + 1]):
                item = items[k]
                if np.float32(counts[item]) / np.float32(totals[item]) >= coverage:
                    of_covered[at] = True


@entry()
def _find_passages(data, offsets, tables, powers, index, ngrams, ends, of_covered):  # type: ignore[no-untyped-def]
    """(document, start, end) in bytes of each place where a document has an n-gram that is `of_covered`."""
    shortest = index.head[0]
    wanted_in = np.full(len(index.rows) - 1, -1, np.int64)
    places, total = np.empty((256, 3), np.int64), 0
    for document in range(len(offsets) - 1):
        begin, end = offsets[document], offsets[document + 1]
        wanted = 0
        for at in range(ends[document], ends[document + 1]):
            if of_covered[at]:
                wanted_in[ngrams[at]] = document
                wanted += 1
        if wanted == 0:
            continue
        room = end - begin + 3
        units, firsts, lasts = np.empty(room, np.uint64), np.empty(room, np.int64), np.empty(room, np.int64)
        word, count, begun, i = np.uint64(0), 0, begin, begin
        while i < end:
            start, before, had = i, word, count
            # one character at a time: a word ends where the next character begins, a character alone is a unit itself
            i, word, count = scan_units(data, i, i + 1, end, word, tables, units, count)
            if count > had and before != np.uint64(0):
                firsts[had], lasts[had] = begun, start
                had += 1
            if count > had:
                firsts[had], lasts[had] = start, i
            if word != np.uint64(0) and before == np.uint64(0):
                begun = start
        if word != np.uint64(0):
            units[count], firsts[count], lasts[count] = word, begun, end
            count += 1
        prefixes = np.zeros(count + 1, np.uint64)
        _extend(units, prefixes, count)
        for first in range(count - shortest + 1):
            for n in index.lengths:
                if first + n > count:
                    continue
                number = _find(index.keys, index.numbers, _key(prefixes, first, n, powers[n]))
                if number < 0 or wanted_in[number] != document:
                    continue
                if total == len(places):
                    larger = np.empty((2 * total, 3), np.int64)
                    larger[:total] = places
                    places = larger
                places[total, 0], places[total, 1] = document, firsts[first] - begin
                places[total, 2] = lasts[first + n - 1] - begin
                total += 1
    return places[:total]


@entry("keys", "heads", "counts", "lengths")
def _item_keys(data, offsets, tables, powers, ngram, shortest, keys, heads, counts, lengths):  # type: ignore[no-untyped-def]
    """The n-grams of each question, one after the other in `keys`, and of each the n-gram of its first `shortest` units
    in `heads`; how many n-grams a question has, and their length n."""
    largest = 0
    for item in range(len(counts)):
        largest = max(largest, offsets[item + 1] - offsets[item])
    units, prefixes = np.empty(largest // 2 + 3, np.uint64), np.zeros(largest // 2 + 4, np.uint64)
    total = 0
    for item in range(len(counts)):
        i, end = offsets[item], offsets[item + 1]
        _, word, count = scan_units(data, i, end, end, np.uint64(0), tables, units, 0)
        if word != np.uint64(0):
            units[count] = word
            count += 1
        n = min(ngram, count)
        counts[item], lengths[item] = 0, n
        if n >= shortest:
            _extend(units, prefixes, count)
            for first in range(count - n + 1):
                keys[total] = _key(prefixes, first, n, powers[n])
                heads[total] = _key(prefixes, first, shortest, powers[shortest])
                total += 1
            counts[item] = count - n + 1
    return total


@entry("slots", "numbers")
def _fill(keys, slots, numbers):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(slots) - 1)
    for number in range(len(keys)):
        slot = np.int64((keys[number] >> np.uint64(1)) & mask)
        while slots[slot] != np.uint64(0):
            slot = np.int64((np.uint64(slot) + np.uint64(1)) & mask)
        slots[slot], numbers[slot] = keys[number], number


def build_index(data: Bytes, offsets: Offsets, ngram: int, shortest: int, common: int) -> Index:
    """The index of the questions data[offsets[i]:offsets[i + 1]]. A question with fewer than `shortest` units, or only
    n-grams that more than `common` questions have, has no n-grams and is never found (`totals` 0)."""
    tables, questions = characters(), len(offsets) - 1
    room = (offsets[-1] - offsets[0]) // 2 + 3 * questions + 3
    keys, heads = np.empty(room, np.uint64), np.empty(room, np.uint64)
    counts, lengths = np.zeros(questions, np.int64), np.zeros(questions, np.int64)
    made = _item_keys(data, offsets, tables, _powers(ngram), ngram, shortest, keys, heads, counts, lengths)
    items = np.repeat(np.arange(questions), counts)
    order = np.lexsort((items, keys[:made]))
    keys, items = keys[:made][order], items[order]
    distinct = np.ones(made, bool)
    distinct[1:] = (keys[1:] != keys[:-1]) | (items[1:] != items[:-1])
    keys, items = keys[distinct], items[distinct]
    unique, shared_by = np.unique(keys, return_counts=True)
    rare = shared_by <= common
    of_rare: Int32 = items[np.repeat(rare, shared_by)].astype(np.int32)
    unique, shared_by = unique[rare], shared_by[rare]
    bits = np.zeros(max(1, (1 << (_FILTER_BITS * max(len(unique), 4) - 1).bit_length()) // 64), np.uint64)
    bit = (np.unique(heads[:made]) >> np.uint64(1)) & np.uint64(64 * len(bits) - 1)
    np.bitwise_or.at(bits, (bit >> np.uint64(6)).astype(np.int64), np.uint64(1) << (bit & np.uint64(63)))
    slots = np.zeros(1 << max(2 * len(unique), 2).bit_length(), np.uint64)
    numbers = np.zeros(len(slots), np.int32)
    _fill(unique, slots, numbers)
    used = np.unique(lengths[counts > 0])
    return Index(
        head=np.array([shortest]),
        lengths=used if len(used) else np.array([ngram]),
        totals=np.bincount(of_rare, minlength=questions).astype(np.int32),
        filter=bits,
        keys=slots,
        numbers=numbers,
        rows=np.concatenate([[0], np.cumsum(shared_by)]).astype(np.int64),
        items=of_rare,
    )


class Shared(NamedTuple):
    """ngrams: int32, the numbers of the n-grams that document i shares with the index, once each, are
    ngrams[ends[i]:ends[i + 1]];  ends: int64 [documents + 1];  units: int64 [documents], how many each has"""

    ngrams: Int32
    ends: Int64
    units: Int64


def shared_ngrams(data: Bytes, offsets: Offsets, index: Index) -> Shared:
    """The n-grams of `index` in each document (of `kernels.arrow.text_buffers`)."""
    tables, ends, units = characters(), np.zeros(len(offsets), np.int64), np.zeros(len(offsets) - 1, np.int64)
    powers = _powers(int(index.lengths[-1]))
    return Shared(_find_shared(data, offsets, tables, powers, index, ends, units), ends, units)


class Overlap(NamedTuple):
    """best: int32 [documents], the question covered most, the first of equals, -1 for none; share: float32, of it;
    reached: float32 [questions], the largest share of a question that one document covers;  of_covered: bool, of the
    shared n-grams, one after the other as in `Shared`: those of questions that the document covers."""

    best: Int32
    share: Float32
    reached: Float32
    of_covered: Bools


def overlap(shared: Shared, index: Index, ignored: Bools, counted: Bools, coverage: float) -> Overlap:
    """The question of `index` that each document covers most, leaving out the n-grams that are `ignored` (bool, by
    their numbers). `reached` is taken of the documents that are `counted` (bool), and a question is covered by a
    document that has this share of its n-grams."""
    documents, questions = len(shared.ends) - 1, len(index.totals)
    result = Overlap(
        np.empty(documents, np.int32),
        np.empty(documents, np.float32),
        np.zeros(questions, np.float32),
        np.empty(len(shared.ngrams), np.bool_),
    )
    left_out = np.repeat(ignored, np.diff(index.rows))
    totals = index.totals - np.bincount(index.items[left_out], minlength=questions).astype(np.int32)
    at_least = np.float32(coverage)
    _cover(shared.ngrams, shared.ends, ignored, counted, totals, index.rows, index.items, at_least, *result)
    return result


def covered_ngrams(shared: Shared, found: Overlap) -> Int64:
    """How many n-grams of the questions that it covers each document has."""
    sums = np.concatenate([[0], np.cumsum(found.of_covered)])
    counts: Int64 = np.diff(sums[shared.ends])
    return counts


def find_passages(
    data: Bytes, offsets: Offsets, index: Index, shared: Shared, found: Overlap
) -> tuple[Int64, Int64, Int64]:
    """Where documents have the n-grams of the questions that they cover: rows, starts and ends in bytes of the
    document, not merged. Takes a few arrays of a document's size for each that covers one."""
    powers = _powers(int(index.lengths[-1]))
    places = _find_passages(data, offsets, characters(), powers, index, shared.ngrams, shared.ends, found.of_covered)
    return places[:, 0].copy(), places[:, 1].copy(), places[:, 2].copy()


def _powers(longest: int) -> UInt64:
    return np.array([pow(int(GOLDEN), n, 1 << 64) for n in range(longest + 1)], np.uint64)
