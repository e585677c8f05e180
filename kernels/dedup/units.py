"""Units: what a text is compared by, as one 64-bit hash each.

    words       runs of letters, digits and marks, where words are spaced
    characters  each one alone, where they aren't: Han, Kana, Bopomofo, Yi, Tangut, and the scripts whose lines break
                between syllables or by a dictionary (Unicode's Line_Break SA, AK and AS): Thai, Lao, Khmer, Burmese,
                Javanese, Balinese, Buginese, Batak, Cham and their kin
    symbols     each one alone, where they are asked for: operators and punctuation (categories S and P), emoji

Everything else (blanks, controls, and symbols that aren't asked for) only separates. Format characters (soft hyphen,
joiners, byte order mark) are skipped as if they weren't there. Case is folded one character to one character by
`str.lower` for Latin, Greek, Cyrillic, Armenian and the full-width forms, which are taken for their ASCII twins;
accents stay, and no composition is done. Hashes must be the same for ever and everywhere, so classes come from Unicode
3.2, which Python carries in a frozen copy for IDNA (RFC 3490); characters that are newer count as letters, but for
emoji.

Reading never leaves the text: cut or invalid UTF-8 is read as separators.
"""

import unicodedata
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.hashing import hash_character, hash_character_array
from dspipe.kernels.jit import inline, pointer

Hashes = npt.NDArray[np.uint64]

SEPARATOR, SKIPPED, ALONE = 0, 1, 1 << 31
_ALONE_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19FF),  # Tai Le, New Tai Lue, Khmer symbols
    (0x1A00, 0x1A1F),  # Buginese
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x1BC0, 0x1BFF),  # Batak
    (0x2E80, 0x2FDF),  # Han radicals
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3031, 0x312F),  # Kana, Bopomofo
    (0x31A0, 0x31BF),
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0xA4CF),  # Han, Yi
    (0xA980, 0xA9DF),  # Javanese
    (0xA9E0, 0xA9FF),  # Burmese extended
    (0xAA00, 0xAA5F),  # Cham
    (0xAA60, 0xAADF),  # Burmese extended, Tai Viet
    (0xF900, 0xFAFF),  # Han compatibility
    (0xFF66, 0xFF9F),  # half-width Kana
)
_ASTRAL_ALONE_RANGES = (
    (0x11000, 0x1107F),  # Brahmi
    (0x11700, 0x1174F),  # Ahom
    (0x11900, 0x1195F),  # Dives Akuru
    (0x11EE0, 0x11F5F),  # Makasar, Kawi
    (0x17000, 0x18DFF),  # Tangut, Khitan
    (0x1B000, 0x1B2FF),  # Kana, Nüshu
    (0x20000, 0x3FFFF),  # Han
)
_CASED_RANGES = ((0x00, 0x58F), (0x1E00, 0x1FFF))


class Characters(NamedTuple):
    """The tables that the scan looks characters up in: of a frozen Unicode, with the folded character in place of a
    class, which is why they are others than those of kernels.text and kernels.bpe."""

    ascii: Hashes
    """uint64[128]: the hash of the folded character, 0 for a separator"""
    plane: npt.NDArray[np.uint32]
    """uint32[65536]: SEPARATOR, SKIPPED, or the folded code point, with the bit ALONE where it is a unit by itself"""
    symbols: bool
    """whether symbols are units: those of ASCII are in `plane` alone"""


@cache
def characters(symbols: bool = False) -> Characters:
    """The tables, made once a process (about 20 ms). `symbols`: operators and punctuation are units too."""
    ucd = unicodedata.ucd_3_2_0
    plane = np.zeros(0x10000, np.uint32)
    for code in range(0x10000):
        category = ucd.category(chr(code))
        if category == "Cf" or code == 0xAD:  # the soft hyphen was punctuation before Unicode 4.0
            plane[code] = SKIPPED
        elif category[0] in "LNM" or category == "Cn":
            plane[code] = code
        elif symbols and category[0] in "SP":
            plane[code] = code | ALONE
    for first, last in _CASED_RANGES:
        for code in range(first, last + 1):
            lower = chr(code).lower()
            if ucd.category(chr(code)) in ("Lu", "Lt") and len(lower) == 1:
                plane[code] = ord(lower)
    for code in range(0xFF01, 0xFF5F):
        plane[code] = plane[code - 0xFEE0]
    for first, last in _ALONE_RANGES:
        codes = slice(first, last + 1)
        plane[codes] |= np.where(plane[codes] > SKIPPED, np.uint32(ALONE), np.uint32(0))
    ascii_codes = plane[:128].astype(np.uint64)
    in_words = (ascii_codes > 0) & (ascii_codes < ALONE)
    hashes = np.where(in_words, hash_character_array(ascii_codes), np.uint64(0))
    return Characters(hashes, plane, symbols)


@inline
def astral(code):  # type: ignore[no-untyped-def]
    """What `Characters.plane` says without symbols, for a code point above U+FFFF."""
    if np.int64(0x1F000) <= code <= np.int64(0x1FAFF) or code >= np.int64(0xE0000):
        return np.uint32(SEPARATOR)
    for first, last in _ASTRAL_ALONE_RANGES:
        if np.int64(first) <= code <= np.int64(last):
            return np.uint32(code) | np.uint32(ALONE)
    return np.uint32(code)


@inline
def decode(data, i, end):  # type: ignore[no-untyped-def]
    """The code point at data[i] >= 128 and where the next one begins; (0, i + 1) for what isn't UTF-8.

    The one decoder that checks every byte: what it says of broken text decides a hash, which must stay the same.
    """
    first = np.int64(data[i])
    if first >= np.int64(0xE0):
        if first < np.int64(0xF0):
            if i + 3 <= end:
                second, third = np.int64(data[i + 1]), np.int64(data[i + 2])
                if second & np.int64(0xC0) == np.int64(0x80) and third & np.int64(0xC0) == np.int64(0x80):
                    return (
                        (first & np.int64(15)) << np.int64(12)
                        | (second & np.int64(63)) << np.int64(6)
                        | third & np.int64(63)
                    ), i + 3
        elif first < np.int64(0xF5) and i + 4 <= end:
            second, third, fourth = np.int64(data[i + 1]), np.int64(data[i + 2]), np.int64(data[i + 3])
            if (second & third & fourth & np.int64(0x80)) and not ((second | third | fourth) & np.int64(0x40)):
                return (
                    (first & np.int64(7)) << np.int64(18)
                    | (second & np.int64(63)) << np.int64(12)
                    | (third & np.int64(63)) << np.int64(6)
                    | fourth & np.int64(63)
                ), i + 4
    elif first >= np.int64(0xC0) and i + 2 <= end:
        second = np.int64(data[i + 1])
        if second & np.int64(0xC0) == np.int64(0x80):
            return (first & np.int64(31)) << np.int64(6) | second & np.int64(63), i + 2
    return np.int64(0), i + 1


@inline
def scan_units(data, i, stop, end, word, characters, out, count):  # type: ignore[no-untyped-def]
    """Read characters that begin in data[i:stop] (the text ends at `end`) and append the units' hashes to `out`.

    `word` is the hash of the word under way, 0 for none; a unit is only appended when it has ended. Needs room for one
    unit per two bytes and two more. Returns (where the next character begins, word, count).
    """
    texts, hashes, folds, units = pointer(data), pointer(characters.ascii), pointer(characters.plane), pointer(out)
    none = np.uint64(0)
    while i < stop:
        byte = texts[i]
        if byte < 128:
            # branch-free: a word's end can't be predicted; rotating and adding takes 2 cycles where multiplying takes 4
            value = hashes[byte]
            units[count] = word
            ends = value == none
            count += np.int64(ends & (word != none))
            longer = ((word << np.uint64(7)) | (word >> np.uint64(57))) + value
            word = none if ends else longer
            i += 1
            continue
        code, i = decode(texts, i, end)
        kind = folds[code] if code < np.int64(0x10000) else astral(code)
        if kind > np.uint32(ALONE):
            units[count] = word
            count += np.int64(word != none)
            units[count] = hash_character(np.uint64(kind ^ np.uint32(ALONE)))
            count += 1
            word = none
        elif kind > np.uint32(SKIPPED):
            value = hash_character(np.uint64(kind))
            word = ((word << np.uint64(7)) | (word >> np.uint64(57))) + value
        elif kind == np.uint32(SEPARATOR):
            units[count] = word
            count += np.int64(word != none)
            word = none
    return i, word, count


@inline
def scan_units_and_symbols(data, i, stop, end, word, characters, out, count):  # type: ignore[no-untyped-def]
    """As `scan_units`, with symbols as units too: needs room for one unit per byte and two more."""
    texts, folds, units = pointer(data), pointer(characters.plane), pointer(out)
    none = np.uint64(0)
    while i < stop:
        code = np.int64(texts[i])
        if code < np.int64(128):
            i += 1
        else:
            code, i = decode(texts, i, end)
        kind = folds[code] if code < np.int64(0x10000) else astral(code)
        if np.int64(0x1F000) <= code <= np.int64(0x1FAFF):
            kind = np.uint32(code) | np.uint32(ALONE)
        if np.uint32(SKIPPED) < kind < np.uint32(ALONE):
            value = hash_character(np.uint64(kind))
            word = ((word << np.uint64(7)) | (word >> np.uint64(57))) + value
        elif kind != np.uint32(SKIPPED):
            units[count] = word
            count += np.int64(word != none)
            word = none
            if kind > np.uint32(ALONE):
                units[count] = hash_character(np.uint64(kind ^ np.uint32(ALONE)))
                count += 1
    return i, word, count
