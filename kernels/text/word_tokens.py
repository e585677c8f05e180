"""Words as corpus linguists count them: punctuation apart, contractions apart, one unit a character where none is
spaced.

The rules are those that published thresholds were tuned with, spaCy's for English (https://spacy.io/usage/
linguistic-features#how-tokenizer-works), written as one scan:

    1. text falls into chunks at white space, and each letter of an unspaced script is a unit with its marks;
    2. a chunk that is a known contraction or abbreviation is taken from the table of `special_words`;
    3. else punctuation is stripped off its ends, one token each, with possessives and units after figures, until what
       is left is known or bare;
    4. what is left is one token if it is an address (URL, e-mail), else it falls at hyphens, slashes, commas and
       periods between letters, ellipses and pictographs.

Known differences from spaCy, together one token in 80,000 on English web pages: emoticons of three and more
characters inside a chunk are not put together again; a run of straight single quotes falls into pairs all along,
there only at its ends; numeric hosts are no addresses; a chunk has at most 512 pieces. Letters of unspaced scripts in
English text are units here, there a run of them is a word.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.hashing import FNV_OFFSET, extend_ngram, extend_token, hash_token
from dspipe.kernels.jit import entry, inline, jit, load64, pointer
from dspipe.kernels.text.special_words import raw_special_words, special_at
from dspipe.kernels.text.unicode_classes import (
    LETTER,
    MARK,
    POINTING,
    PUNCTUATION,
    SPACE,
    SYMBOL,
    TERMINAL,
    UNSPACED,
    WORD_BREAK,
)
from dspipe.kernels.text.unicode_lookup import character, raw_classes
from dspipe.kernels.text.web_addresses import is_address
from dspipe.kernels.text.word_affixes import infix_length, prefix_length, suffix_length

# what a token adds to; int64 each
(
    TOKENS, WORDS, WORD_CHARACTERS, ALPHABETIC, UNITS, UNIT_CHARACTERS, WRITTEN, SENTENCES, ENDED, CHUNKS,
    LONGEST, CAPACITY, GAPS, SPACED, SPACED_CHARACTERS, SPACED_ALPHABETIC,
) = range(16)  # fmt: skip
COUNTERS = 16
"""TOKENS, WORDS (with more than symbols), their characters and ALPHABETIC tokens (with a letter) leave out the UNITS,
letters of unspaced scripts with their marks. WRITTEN: tokens and units in the arrays. SENTENCES: ends of sentences
that were followed by a word. ENDED: 1 after the end of a sentence. CHUNKS: pieces between white space and letters of
unspaced scripts, LONGEST: characters of the longest. CAPACITY: the room in the arrays, set by the caller. GAPS: spaces
behind letters of unspaced scripts. SPACED: words by white space, without symbols that stand beside letters of unspaced
scripts; their characters, and how many have a letter."""

PIECES = 512
# one byte eight times: to test eight letters at once
_EACH = 0x0101010101010101
_BIT5, _LOW7, _TOP = np.uint64(_EACH * 0x20), np.uint64(_EACH * 0x7F), np.uint64(_EACH * 0x80)
_TO_A, _PAST_Z = np.uint64(_EACH * (0x80 - 0x61)), np.uint64(_EACH * (0x7F - 0x7A))
_BYTE_INDEX, _ONE = np.uint64(0x0001020304050607), np.uint64(1)
# typed, because numba compiles a function again for each literal argument
_LETTERS = np.int64(LETTER)


class TokenOutput(NamedTuple):
    """Where tokens are written. hashes: uint64; ends: int32, the characters of all tokens up to each; starts: uint8, 1
    if the token begins a word by white space; counters: int64[COUNTERS]; pieces: int64[2 * PIECES], scratch for one
    chunk."""

    hashes: npt.NDArray[np.uint64]
    ends: npt.NDArray[np.int32]
    starts: npt.NDArray[np.uint8]
    counters: npt.NDArray[np.int64]
    pieces: npt.NDArray[np.int64]


@inline
def raw_output(hashes, ends, starts, counters, pieces):  # type: ignore[no-untyped-def]
    """Pointers to the arrays; the caller keeps them alive."""
    return TokenOutput(pointer(hashes), pointer(ends), pointer(starts), pointer(counters), pointer(pieces))


@inline
def ascii_letters(block):  # type: ignore[no-untyped-def]
    """How many of the eight bytes, from the lowest, are ASCII letters."""
    folded = (block & _LOW7) | _BIT5
    others = (~(folded + _TO_A) | (folded + _PAST_Z) | block) & _TOP
    if others == np.uint64(0):
        return 8
    lowest = (others & (~others + _ONE)) >> np.uint64(7)
    return np.int64((lowest * _BYTE_INDEX) >> np.uint64(56))


@inline
def write_token(value, characters, kind_any, kind_all, starts, out):  # type: ignore[no-untyped-def]
    """Count one token, and keep its hash, the characters of all tokens up to it and whether it starts a word (1 or 0)
    while there is room."""
    counters, hashes, ends = out.counters, out.hashes, out.ends
    if counters[ENDED] != 0 and kind_all & (PUNCTUATION | TERMINAL) == 0:
        counters[SENTENCES] += 1
        counters[ENDED] = 0
    if kind_all & TERMINAL != 0 and characters == 1:
        counters[ENDED] = 1
    if kind_all & UNSPACED != 0:
        counters[UNITS] += 1
        counters[UNIT_CHARACTERS] += characters
    else:
        counters[TOKENS] += 1
        if kind_all & SYMBOL == 0:
            counters[WORDS] += 1
            counters[WORD_CHARACTERS] += characters
        if kind_any & LETTER != 0:
            counters[ALPHABETIC] += 1
    n = counters[WRITTEN]
    if n < counters[CAPACITY]:
        hashes[n] = value
        ends[n] = (ends[n - 1] if n else 0) + characters
        out.starts[n] = starts
        counters[WRITTEN] = n + 1


@jit
def write_span(data, start, end, classes, out):  # type: ignore[no-untyped-def]
    """Count data[start:end] as one token."""
    kind_any, kind_all, characters, i = 0, -1, 0, start
    while i < end:
        kind, length = character(data, i, end, classes)
        kind_any |= kind
        kind_all &= kind
        characters += 1
        i += length
    value = hash_token(data, start, end) if kind_any & POINTING == 0 else _hash_unpointed(data, start, end, classes)
    write_token(value, characters, kind_any, kind_all, 0, out)


@jit
def _hash_unpointed(data, start, end, classes):  # type: ignore[no-untyped-def]
    """`hash_token` of data[start:end] as it is without POINTING: the same word with vowel signs and without."""
    size, i = 0, start
    while i < end:
        kind, length = character(data, i, end, classes)
        size += length if kind & POINTING == 0 else 0
        i += length
    value, block, filled, i = FNV_OFFSET + np.uint64(size), np.uint64(0), 0, start
    while i < end:
        kind, length = character(data, i, end, classes)
        if kind & POINTING == 0:
            for k in range(i, i + length):
                block |= np.uint64(data[k]) << np.uint64(8 * filled)
                filled += 1
                if filled == 8:
                    value, block, filled = extend_token(value, block), np.uint64(0), 0
        i += length
    return extend_token(value, block) if filled > 0 else value


@jit
def write_chunk(data, start, end, classes, special_words, out):  # type: ignore[no-untyped-def]
    """Count the tokens of a chunk without white space or letters of unspaced scripts. out.pieces gets the ends of the
    pieces from the front, and the starts of those stripped off the back from the back."""
    pieces = out.pieces
    i, j, front, back = start, end, 0, 2 * PIECES
    special = special_at(data, i, j, special_words)
    while i < j and special < 0 and front < PIECES // 2 and back > PIECES + PIECES // 2:
        prefix = prefix_length(data, i, j, classes)
        if prefix != 0 and i + prefix < j:
            special = special_at(data, i + prefix, j, special_words)
            if special >= 0:
                i += prefix
                pieces[front], front = i, front + 1
                break
        suffix = suffix_length(data, i + prefix, j, classes, special_words) if i + prefix < j else 0
        if suffix != 0:
            special = special_at(data, i, j - suffix, special_words)
        if prefix != 0 and special < 0:
            i += prefix
            pieces[front], front = i, front + 1
        if suffix != 0:
            j -= suffix
            back -= 1
            pieces[back] = j
        if special >= 0 or (prefix == 0 and suffix == 0):
            break
        special = special_at(data, i, j, special_words)
    if i < j and special >= 0:
        for offset in (special & 255, special >> 8):
            if offset != 0:
                pieces[front], front = i + offset, front + 1
    elif i < j and not is_address(data, i, j, classes):
        k, piece = i, i
        while k < j and front < back - 4:
            byte = data[k]
            infix = 0 if 97 <= byte <= 122 or 65 <= byte <= 90 else infix_length(data, k, i, j, classes)
            if infix == 0:
                k += 1
                continue
            if k > piece:
                pieces[front], front = k, front + 1
            k += infix
            piece = k
            if k < j:
                pieces[front], front = k, front + 1
    if i < j:
        pieces[front], front = j, front + 1
    while back < 2 * PIECES:
        back += 1
        pieces[front], front = (pieces[back] if back < 2 * PIECES else end), front + 1
    piece = start
    for p in range(front):
        stop = pieces[p]
        # an emoticon that affixes tore apart: "):" after a bracket
        pair = stop - piece == 1 and p + 1 < front and pieces[p + 1] - stop == 1
        if pair and special_at(data, piece, pieces[p + 1], special_words) == 0:
            continue
        if stop > piece:
            write_span(data, piece, stop, classes, out)
        piece = stop


@inline
def _count_spaced(first, characters, alphabetic, out):  # type: ignore[no-untyped-def]
    """Count a word by white space, whose tokens are those from `first` on."""
    counters = out.counters
    counters[SPACED] += 1
    counters[SPACED_CHARACTERS] += characters
    counters[SPACED_ALPHABETIC] += alphabetic
    if first < counters[WRITTEN]:
        out.starts[first] = 1


@jit
def join_words(hashes, ends, starts, n):  # type: ignore[no-untyped-def]
    """Make words by white space of the first n tokens, in place; returns how many."""
    words = 0
    for i in range(n):
        if starts[i] != 0 or words == 0:
            hashes[words] = hashes[i]
            words += 1
        else:
            hashes[words - 1] = extend_ngram(hashes[words - 1], hashes[i])
        ends[words - 1] = ends[i]
    return words


@inline
def _may_be_special(sieve, value):  # type: ignore[no-untyped-def]
    return (sieve[np.int64(value >> np.uint64(6)) & 1023] >> (value & np.uint64(63))) & _ONE != np.uint64(0)


@jit
def write_tokens(data, start, end, limit, classes, special_words, out):  # type: ignore[no-untyped-def]
    """Count and write all tokens of data[start:end], a line or a whole text. limit: bytes of data that may be read."""
    counters, flags, sieve = out.counters, classes.flags, special_words.sieve
    i, beside_unit = start, False
    while i < end:
        # ASCII letters, then white space or a mark and white space, are most of an English text
        k, value = i, np.uint64(0)
        if i + 8 <= limit:
            block = load64(data, i)
            k = i + min(ascii_letters(block), end - i)
        if i < k < i + 8:
            letters = block & ((_ONE << np.uint64(8 * (k - i))) - _ONE)
            value = extend_token(FNV_OFFSET + np.uint64(k - i), letters)
        else:
            while k < end and (97 <= data[k] <= 122 or 65 <= data[k] <= 90):
                k += 1
            value = hash_token(data, i, k)
        if k > i:
            following = data[k] if k < end else np.uint8(32)
            mark = following in (44, 46, 58, 59, 33, 63) and (k + 1 == end or data[k + 1] == 32 or data[k + 1] == 10)
            if mark and following == 46:
                mark = 97 <= data[k - 1] <= 122 and special_at(data, i, k + 1, special_words) < 0
            if mark or (following < 0x80 and flags[following] & SPACE != 0):
                counters[CHUNKS] += 1
                counters[LONGEST] = max(counters[LONGEST], k - i + mark)
                first = counters[WRITTEN]
                if not _may_be_special(sieve, value) or special_at(data, i, k, special_words) <= 0:
                    write_token(value, k - i, _LETTERS, _LETTERS, 1, out)
                else:
                    write_chunk(data, i, k, classes, special_words, out)
                if mark:
                    write_span(data, k, k + 1, classes, out)
                _count_spaced(first, k - i + mark, 1, out)
                i, beside_unit = k + 1 + mark, False
                continue
        kind, length, characters = np.int64(0), 0, k - i
        kind_any = np.int64(LETTER if k > i else 0)
        kind_all = np.int64(0 if k > i else -1)
        plain = True  # letters and marks alone, or one character
        while k < end:
            kind, length = character(data, k, end, classes)
            if kind & (SPACE | UNSPACED | WORD_BREAK) != 0:
                break
            kind_any |= kind
            kind_all &= kind
            plain &= kind & (LETTER | MARK) != 0
            k += length
            characters += 1
        if k > i:
            counters[CHUNKS] += 1
            counters[LONGEST] = max(counters[LONGEST], characters)
            first = counters[WRITTEN]
            if (plain and special_at(data, i, k, special_words) <= 0) or characters == 1:
                pointed = kind_any & POINTING != 0
                value = _hash_unpointed(data, i, k, classes) if pointed else hash_token(data, i, k)
                write_token(value, characters, kind_any, kind_all, 0, out)
            else:
                write_chunk(data, i, k, classes, special_words, out)
            # a comma between Chinese characters is no word; one that stands alone between spaces is
            beside_unit |= k < end and kind & UNSPACED != 0
            if kind_all & SYMBOL == 0 or not beside_unit:
                _count_spaced(first, characters, 1 if kind_any & LETTER != 0 else 0, out)
            elif first < counters[WRITTEN]:
                out.starts[first] = 1
        beside_unit = False
        i = k
        if k < end:
            i += length
            if kind & UNSPACED != 0:
                while True:  # a run of units, each with its marks
                    characters, following, length = 1, np.int64(0), 0
                    while i < end:
                        following, length = character(data, i, end, classes)
                        if following & MARK == 0:
                            break
                        i += length
                        characters += 1
                    write_token(hash_token(data, k, i), characters, kind, kind, 1, out)
                    if i >= end or following & UNSPACED == 0:
                        break
                    k, kind = i, following
                    i += length
                beside_unit = True
                if i < end and data[i] == 32:
                    counters[GAPS] += 1
            elif kind & WORD_BREAK != 0 and k + 6 <= end and data[k] == data[k + 3] == 0xE1 and data[k + 5] == 0xA1:
                counters[ENDED] = 1  # two Ethiopic spaces are typed for the full stop ።


@entry("out")
def write_text_tokens(text, classes, special_words, out):  # type: ignore[no-untyped-def]
    """`write_tokens` of a whole uint8 array, with arrays for all else: `out` is a TokenOutput of arrays."""
    out.counters[CAPACITY] = len(out.hashes)
    raw = raw_output(out.hashes, out.ends, out.starts, out.counters, out.pieces)
    size = np.int64(len(text))
    write_tokens(pointer(text), np.int64(0), size, size, raw_classes(classes), raw_special_words(special_words), raw)
