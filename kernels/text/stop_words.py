"""Stop words of several languages in one hash table, counted over the hashes of a text's tokens.

Vowel signs of Arabic and points of Hebrew, which prose is mostly written without, are no part of a token's hash, so
that a pointed text has its stop words, too. A stop word of an unspaced script is one to four letters, found anywhere in
the text by the hash of its units one after the other.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.hashing import extend_ngram
from dspipe.kernels.jit import inline, jit, pointer
from dspipe.kernels.text.special_words import special_words
from dspipe.kernels.text.unicode_classes import FIRST_UNSPACED, NAMES, SCRIPTS, character_classes
from dspipe.kernels.text.word_tokens import COUNTERS, PIECES, UNITS, WRITTEN, TokenOutput, write_text_tokens

_MAX_UNITS = 4


class StopWordTable(NamedTuple):
    """Stop words by hash. keys: uint64[n] in open addressing (0 empty), a key once per language; languages: uint8[n],
    its language; bits: uint64[n], one bit for each word of a language; complete: uint64[languages], all of a
    language's bits; scripts: int64[languages], indices into SCRIPTS; listed: bool[SCRIPTS], whether a language of the
    script has a list."""

    keys: npt.NDArray[np.uint64]
    languages: npt.NDArray[np.uint8]
    bits: npt.NDArray[np.uint64]
    complete: npt.NDArray[np.uint64]
    scripts: npt.NDArray[np.int64]
    listed: npt.NDArray[np.bool_]


class RawStopWordTable(NamedTuple):
    """Pointers to what is looked up in a StopWordTable, and the mask of its slots."""

    keys: npt.NDArray[np.uint64]
    languages: npt.NDArray[np.uint8]
    bits: npt.NDArray[np.uint64]
    mask: np.uint64


@inline
def raw_stop_words(table: StopWordTable) -> RawStopWordTable:
    """Pointers to the arrays; the caller keeps them alive."""
    mask = np.uint64(len(table.keys) - 1)
    return RawStopWordTable(pointer(table.keys), pointer(table.languages), pointer(table.bits), mask)


class StopWords(NamedTuple):
    """The table and the names of its languages."""

    table: StopWordTable
    names: tuple[str, ...]


def make_stop_words(lists: Mapping[str, Sequence[str]], scripts: Sequence[str]) -> StopWords:
    """The table of stop words, at most 63 a language; in unspaced scripts a word is 1 to 4 letters anywhere in the
    text."""
    distinct = [list(dict.fromkeys(words)) for words in lists.values()]
    for name, words in zip(lists, distinct, strict=True):
        if len(words) > 63:
            raise ValueError(f"{len(words)} stop words for {name}; at most 63")
    entries = [
        (_phrase_hash(word), language, bit) for language, words in enumerate(distinct) for bit, word in enumerate(words)
    ]
    size = 1 << (4 * len(entries) + 1).bit_length()
    table = StopWordTable(
        np.zeros(size, np.uint64),
        np.zeros(size, np.uint8),
        np.zeros(size, np.uint64),
        np.array([(1 << len(words)) - 1 for words in distinct], np.uint64),
        np.array([NAMES[script] for script in scripts], np.int64),
        np.isin(SCRIPTS, [script for script, words in zip(scripts, distinct, strict=True) if words]),
    )
    for key, language, bit in entries:
        slot = key & size - 1
        while table.keys[slot]:
            slot = slot + 1 & size - 1
        table.keys[slot], table.languages[slot], table.bits[slot] = key, language, 1 << bit
    return StopWords(table, tuple(lists))


def _phrase_hash(word: str) -> int:
    """The hash of a stop word: of its token, or of its units one after the other."""
    data = np.frombuffer(word.encode("utf-8"), np.uint8)
    hashes, counters = np.empty(64, np.uint64), np.zeros(COUNTERS, np.int64)
    out = TokenOutput(hashes, np.empty(64, np.int32), np.empty(64, np.uint8), counters, np.empty(2 * PIECES, np.int64))
    with np.errstate(over="ignore"):
        write_text_tokens(data, character_classes(), special_words(), out)
        written = int(counters[WRITTEN])
        if not 1 <= written <= _MAX_UNITS or (written > 1 and counters[UNITS] != written):
            raise ValueError(f"not one word, or more than {_MAX_UNITS} letters of an unspaced script: {word!r}")
        value = hashes[0]
        for k in range(1, written):
            value = np.uint64(extend_ngram(value, hashes[k]))
    return int(value)


@jit
def count_stop_words(hashes, n, script, table, complete, found, count, language):  # type: ignore[no-untyped-def]
    """Different stop words of the language among the first n tokens; language -1: of the one with most.

    table: RawStopWordTable; complete: all bits of the language; found: uint64[count], scratch, one for each language.
    """
    keys, languages, bits, mask = table
    if language == -2:
        return -1
    for k in range(count):
        found[k] = 0
    reach = _MAX_UNITS if script >= FIRST_UNSPACED else 1
    for i in range(n):
        if language >= 0 and found[language] == complete:
            break  # the common words of a language are all met soon
        value = hashes[i]
        for k in range(1, reach + 1):
            slot = value & mask
            while keys[slot] != np.uint64(0):
                if keys[slot] == value:
                    found[languages[slot]] |= bits[slot]
                slot = (slot + np.uint64(1)) & mask
            if k == reach or i + k >= n:
                break
            value = extend_ngram(value, hashes[i + k])
    best = 0
    for k in range(count):
        if language in (k, -1):
            bit_count, rest = 0, found[k]
            while rest != np.uint64(0):
                rest &= rest - np.uint64(1)
                bit_count += 1
            best = max(best, bit_count)
    return best
