"""The dictionary of a model as it stands in its file, and the tables that words are looked up in.

An entry is its bytes, a zero byte, how often it was seen (int64) and its kind (int8). The tables of a large dictionary
are made once on a machine and mapped by its workers (`kernels.shared_tables`).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash

from dspipe.kernels.arrow import Bytes
from dspipe.kernels.hashing import FASTTEXT_START, hash_fasttext_byte, hash_fasttext_token
from dspipe.kernels.jit import entry
from dspipe.kernels.shared_tables import shared_arrays

_BEHIND_WORD = 10
"""bytes of an entry behind its word: zero, count, kind"""
_SHARED_WORDS = 100_000
"""tables of more words are shared: they take 30 bytes a word and more, and of a million words 60 ms to make"""


class WordTables(NamedTuple):
    """What words are looked up in.

    slots          int32, a power of two: open addressing (linear probing) from a word's hash to its number, -1 is free
    hashes         uint64 [words]
    word_data      uint8: word i is word_data[word_offsets[i]:word_offsets[i + 1]]
    word_offsets   int64 [words + 1]
    """

    slots: npt.NDArray[np.int32]
    hashes: npt.NDArray[np.uint64]
    word_data: Bytes
    word_offsets: npt.NDArray[np.int64]


def skip_entries(data: Bytes, start: int, entries: int) -> int:
    """Where the entries end that begin at `start`; -1 where the file ends before."""
    return int(_skip(data, start, entries))


def word_tables(dictionary: Bytes, words: int) -> WordTables:
    """The tables of the words whose entries are these bytes."""
    if words < _SHARED_WORDS:
        return _build(dictionary, words)
    content = xxhash.xxh3_128_hexdigest(np.ascontiguousarray(dictionary).data)
    return WordTables(**shared_arrays("fasttext-words", content, __name__, lambda: _build(dictionary, words)._asdict()))


def find_word(tables: WordTables, word: bytes) -> int:
    """The number of a word, -1 for one that isn't in the dictionary."""
    mask = len(tables.slots) - 1
    slot = hash_fasttext_token(word) & mask
    while (number := int(tables.slots[slot])) >= 0:
        if tables.word_data[tables.word_offsets[number] : tables.word_offsets[number + 1]].tobytes() == word:
            return number
        slot = (slot + 1) & mask
    return -1


def _build(dictionary: Bytes, words: int) -> WordTables:
    data = np.zeros(max(1, len(dictionary) - words * _BEHIND_WORD), np.uint8)
    offsets, hashes = np.zeros(words + 1, np.int64), np.zeros(words, np.uint64)
    _read_words(dictionary, data, offsets, hashes)
    slots = np.full(1 << (2 * words + 1).bit_length(), -1, np.int32)
    _fill_slots(hashes, slots)
    return WordTables(slots, hashes, data, offsets)


@entry()
def _skip(data, start, entries):  # type: ignore[no-untyped-def]
    at = np.int64(start)
    for _ in range(entries):
        while at < len(data) and data[at] != 0:
            at += 1
        at += _BEHIND_WORD
        if at > len(data):
            return np.int64(-1)
    return at


@entry("data", "offsets", "hashes")
def _read_words(dictionary, data, offsets, hashes):  # type: ignore[no-untyped-def]
    at, end = np.int64(0), np.int64(0)
    for word in range(len(hashes)):
        value = np.uint64(FASTTEXT_START)
        while dictionary[at] != 0:
            data[end] = dictionary[at]
            value = hash_fasttext_byte(value, dictionary[at])
            at += 1
            end += 1
        at += _BEHIND_WORD
        hashes[word], offsets[word + 1] = value, end


@entry("slots")
def _fill_slots(hashes, slots):  # type: ignore[no-untyped-def]
    mask = np.int64(len(slots) - 1)
    for word in range(len(hashes)):
        slot = np.int64(hashes[word]) & mask
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = word
