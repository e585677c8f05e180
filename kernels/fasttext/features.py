"""From a document's tokens to the sum of their features' rows (fastText's Dictionary::getLine and computeSubwords).

`numbers` and `tables` are Numbers and RawTables of kernels.fasttext.tables, `cache` is its RawTokenCache.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.fasttext.model import LABEL_PREFIX
from dspipe.kernels.fasttext.tables import EOS
from dspipe.kernels.hashing import FASTTEXT_START, GOLDEN, MURMUR_1, hash_fasttext_byte
from dspipe.kernels.jit import inline, jit, load64, pointer, prefetch

_SEPARATORS = b" \n\r\t\v\f\0"
_CACHED_BYTES = 16
WAITING = 64  # rows whose cache lines are under way
_LINE = 16  # floats in a cache line

_LOW7, _TOP = np.uint64(0x7F7F7F7F7F7F7F7F), np.uint64(0x8080808080808080)
_OVER_32 = np.uint64(0x5F5F5F5F5F5F5F5F)
# times 1 << 8 k, its top byte is k
_BYTE_INDEX = np.uint64(0x0001020304050607)

_LABEL = np.frombuffer(LABEL_PREFIX.encode(), np.uint8)
_EOS = np.frombuffer(EOS, np.uint8)
IS_SEPARATOR = np.isin(np.arange(256), np.frombuffer(_SEPARATORS, np.uint8))


class Scratch(NamedTuple):
    """Room for one document: the sum of its rows (float32 [dim]), that of a token's rows (likewise), the hashes of the
    word n-grams that end at the last token (uint64 [word_ngrams]), and the rows to be added, as indexes of the matrix:
    the document's (int64 [WAITING + word_ngrams + 1]) and a token's (int64 [WAITING])."""

    hidden: npt.NDArray[np.float32]
    token_sum: npt.NDArray[np.float32]
    ngrams: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.int64]
    token_rows: npt.NDArray[np.int64]


@inline
def _add_row(total, matrix, start, dim):  # type: ignore[no-untyped-def]
    for k in range(dim):
        total[k] += matrix[start + k]


@inline
def _push(rows, count, matrix, row, dim):  # type: ignore[no-untyped-def]
    """Put a row on the list of rows to add, and ask for its cache lines: most are not near, and the adding waits."""
    rows[count] = row * dim
    for k in range(0, dim, _LINE):
        prefetch(matrix, row * dim + k)
    return count + 1


@inline
def _add_rows(total, matrix, rows, count, dim):  # type: ignore[no-untyped-def]
    """Add the listed rows to `total`, four at a time."""
    whole = count - count % 4
    for i in range(0, whole, 4):
        first, second, third, fourth = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
        for k in range(dim):
            total[k] += (matrix[first + k] + matrix[second + k]) + (matrix[third + k] + matrix[fourth + k])
    for i in range(whole, count):
        _add_row(total, matrix, rows[i], dim)


@inline
def _ngram_row(h, numbers, tables):  # type: ignore[no-untyped-def]
    """Matrix row of an n-gram hash, or -1 where pruning took it away."""
    bucket = h % np.uint64(numbers.buckets)
    if numbers.pruned_slots == 0:
        return numbers.words + np.int64(bucket)
    if (tables.kept_bits[np.int64(bucket >> np.uint64(6))] >> (bucket & np.uint64(63))) & np.uint64(1) == np.uint64(0):
        return np.int64(-1)
    slot = np.int64(bucket) & (numbers.pruned_slots - 1)
    while tables.kept_rows[2 * slot] != np.int32(bucket):
        slot = (slot + 1) & (numbers.pruned_slots - 1)
    return numbers.words + np.int64(tables.kept_rows[2 * slot + 1])


@jit
def _add_subwords(total, rows, waiting, data, start, end, numbers, tables):  # type: ignore[no-untyped-def]
    """Add the rows of all character n-grams of `<` + data[start:end] + `>`, and the `waiting` ones in `rows`, to
    `total`. Returns how many n-grams there were.

    Dictionary::computeSubwords: n from min_n to max_n characters, a lone `<` or `>` left out.
    """
    dim, min_n, max_n, matrix = numbers.dim, numbers.min_n, numbers.max_n, tables.inputs
    count = 0
    first = np.int64(start - 1)  # stands for the `<`
    while first < end:
        h = FASTTEXT_START
        at = first
        n = 1
        while n <= max_n and at <= end:
            if at == start - 1:
                h = hash_fasttext_byte(h, np.uint8(60))
                at += 1
            elif at == end:
                h = hash_fasttext_byte(h, np.uint8(62))
                at += 1
            else:
                h = hash_fasttext_byte(h, data[at])
                at += 1
                while at < end and data[at] & 0xC0 == 0x80:
                    h = hash_fasttext_byte(h, data[at])
                    at += 1
            if n >= min_n and not (n == 1 and first == start - 1):
                row = _ngram_row(h, numbers, tables)
                if row >= 0:
                    waiting = _push(rows, waiting, matrix, row, dim)
                    count += 1
                    if waiting == WAITING:
                        _add_rows(total, matrix, rows, waiting, dim)
                        waiting = 0
            n += 1
        first += 1
        while first < end and data[first] & 0xC0 == 0x80:
            first += 1
    _add_rows(total, matrix, rows, waiting, dim)
    return count


@inline
def _starts_with(data, start, end, prefix):  # type: ignore[no-untyped-def]
    if end - start < len(prefix):
        return False
    same = True
    for k in range(len(prefix)):
        same &= data[start + k] == prefix[k]
    return same


@jit
def _find_word(data, start, end, h, tables):  # type: ignore[no-untyped-def]
    """Number of the word data[start:end] with hash `h` in the dictionary, or -1."""
    slots, hashes, word_data, word_offsets = tables.slots, tables.hashes, tables.word_data, tables.word_offsets
    slot = np.int64(h) & tables.slot_mask
    while slots[slot] >= 0:
        word = slots[slot]
        if hashes[word] == h and word_offsets[word + 1] - word_offsets[word] == end - start:
            k = 0
            while start + k < end and data[start + k] == word_data[word_offsets[word] + k]:
                k += 1
            if start + k == end:
                return np.int64(word)
        slot = (slot + 1) & tables.slot_mask
    return np.int64(-1)


@inline
def _token_end(data, at, end, size):  # type: ignore[no-untyped-def]
    """Where the token ends that data[at] is in: at the first separator, or at `end`. Eight bytes a step, which makes
    English a tenth faster than byte by byte; `size` bytes of data may be read."""
    while at + 8 <= size and at < end:
        block = load64(data, at)
        # the top bits of bytes up to 32: separators, and a few controls that are none
        low = ~(((block & _LOW7) + _OVER_32) | block) & _TOP
        if low == np.uint64(0):
            at += 8
            continue
        lowest = (low & (~low + np.uint64(1))) >> np.uint64(7)
        at += np.int64((lowest * _BYTE_INDEX) >> np.uint64(56))
        if at >= end or IS_SEPARATOR[data[at]]:
            return min(at, end)
        at += 1
    while at < end and not IS_SEPARATOR[data[at]]:
        at += 1
    return min(at, end)


@inline
def _key(data, start, end, size):  # type: ignore[no-untyped-def]
    """A token of at most 16 bytes as two numbers; tokens hold no NUL, so different tokens have different keys."""
    length = end - start
    low, high = np.uint64(0), np.uint64(0)
    if start + 16 <= size:
        full = np.uint64(0xFFFFFFFFFFFFFFFF)
        low = load64(data, start)
        if length < 8:
            low &= full >> np.uint64(64 - 8 * length)
        elif length > 8:
            high = load64(data, start + 8) & (full >> np.uint64(128 - 8 * length))
    else:
        for k in range(length):
            if k < 8:
                low |= np.uint64(data[start + k]) << np.uint64(8 * k)
            else:
                high |= np.uint64(data[start + k]) << np.uint64(8 * (k - 8))
    return low, high


@jit
def document_vector(scratch, data, start, end, numbers, tables, cache):  # type: ignore[no-untyped-def]
    """The sum of the rows of the features of data[start:end], into `scratch.hidden`; returns their number."""
    hidden, token_sum, partial, rows, token_rows = scratch
    data_at, matrix, sums_at, size = pointer(data), tables.inputs, cache.sums, len(data)
    hidden_at, token_at, rows_at, token_rows_at = (
        pointer(hidden),
        pointer(token_sum),
        pointer(rows),
        pointer(token_rows),
    )
    dim, max_n, word_ngrams = numbers.dim, numbers.max_n, numbers.word_ngrams
    cache_keys, cache_hashes, cache_numbers = cache.keys, cache.hashes, cache.numbers
    hidden[:] = 0
    features, tokens, waiting = np.int64(0), 0, 0
    at = start
    more = True
    while more:
        while at < end and IS_SEPARATOR[data_at[at]]:
            at += 1
        token = at
        at = _token_end(data_at, at, end, size)
        h = FASTTEXT_START
        if token == at or (at - token == 4 and _starts_with(data_at, token, at, _EOS)):
            more = False
            for k in range(4):
                h = hash_fasttext_byte(h, _EOS[k])
            if numbers.eos >= 0:
                waiting = _push(rows_at, waiting, matrix, numbers.eos, dim)
                features += 1
        elif _starts_with(data_at, token, at, _LABEL):
            continue
        else:
            slot = np.int64(0)
            low, high, known = np.uint64(0), np.uint64(0), False
            short = at - token <= _CACHED_BYTES
            if short:
                low, high = _key(data_at, token, at, size)
                mixed = (low ^ (high * GOLDEN)) * MURMUR_1
                slot = np.int64((mixed >> np.uint64(32)) & cache.mask)
                known = cache_keys[2 * slot] == low and cache_keys[2 * slot + 1] == high
            # what is kept of a token: its number of features, or without subwords its number in the dictionary
            number = np.int64(0)
            if known:
                h, number = cache_hashes[slot], cache_numbers[slot]
                if max_n > 0:
                    _add_row(hidden_at, sums_at, slot * dim, dim)
            else:
                for k in range(token, at):
                    h = hash_fasttext_byte(h, data_at[k])
                number = _find_word(data_at, token, at, h, tables)
                if max_n > 0:
                    token_sum[:] = 0
                    own = np.int64(0)
                    if number >= 0:
                        own = _push(token_rows_at, 0, matrix, number, dim)
                    number = np.int64(own)
                    if numbers.has_ngram_rows:
                        number += _add_subwords(token_at, token_rows_at, own, data_at, token, at, numbers, tables)
                    else:
                        _add_rows(token_at, matrix, token_rows_at, own, dim)
                    for k in range(dim):
                        hidden[k] += token_sum[k]
                if short:
                    cache_keys[2 * slot], cache_keys[2 * slot + 1] = low, high
                    cache_hashes[slot], cache_numbers[slot] = h, number
                    if max_n > 0:
                        for k in range(dim):
                            sums_at[slot * dim + k] = token_sum[k]
            if max_n > 0:
                features += number
            elif number >= 0:
                waiting = _push(rows_at, waiting, matrix, number, dim)
                features += 1
        if word_ngrams > 1 and numbers.has_ngram_rows:
            # Dictionary::addWordNgrams: word hashes are sign-extended from 32 to 64 bits
            if h >= np.uint64(0x80000000):
                h |= np.uint64(0xFFFFFFFF00000000)
            for back in range(min(tokens, word_ngrams - 1), 0, -1):
                joined = partial[back - 1] * np.uint64(116049371) + h
                row = _ngram_row(joined, numbers, tables)
                if row >= 0:
                    waiting = _push(rows_at, waiting, matrix, row, dim)
                    features += 1
                partial[back] = joined
            partial[0] = h
            tokens += 1
        if waiting >= WAITING:
            _add_rows(hidden_at, matrix, rows_at, waiting, dim)
            waiting = 0
    _add_rows(hidden_at, matrix, rows_at, waiting, dim)
    return features
