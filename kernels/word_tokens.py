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

from functools import lru_cache
from string import ascii_lowercase
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.jit import inline, jit, load64, pointer
from kernels.unicode_classes import (
    AFFIX,
    CURRENCY,
    DIGIT,
    HYPHEN,
    LETTER,
    LOWER,
    MARK,
    PICTOGRAPH,
    PREFIX,
    PUNCTUATION,
    QUOTE,
    SPACE,
    SYMBOL,
    TERMINAL,
    UNSPACED,
    UPPER,
)

# what a token adds to; int64 each
(
    TOKENS, WORDS, WORD_CHARACTERS, ALPHABETIC, UNITS, UNIT_CHARACTERS, WRITTEN, SENTENCES, ENDED, CHUNKS,
    LONGEST, CAPACITY,
) = range(12)  # fmt: skip
COUNTERS = 12
"""TOKENS, WORDS (with more than symbols), their characters and ALPHABETIC tokens (with a letter) leave out the UNITS,
letters of unspaced scripts with their marks. WRITTEN: tokens and units in the arrays. SENTENCES: ends of sentences
that were followed by a word. ENDED: 1 after the end of a sentence. CHUNKS: pieces between white space and letters of
unspaced scripts, LONGEST: characters of the longest. CAPACITY: the room in the arrays, set by the caller."""

PIECES = 512
_LONGEST_SPECIAL = 16
_TABLE = 1 << 13
_HASH_START = 0xCBF29CE484222325
_HASH_FACTOR = 0x9E3779B97F4A7C15
_START, _FACTOR, _SHIFT = np.uint64(_HASH_START), np.uint64(_HASH_FACTOR), np.uint64(32)
# a byte in each place of eight: to test eight letters at once
_EACH = 0x0101010101010101
_BIT5, _LOW7, _TOP = np.uint64(_EACH * 0x20), np.uint64(_EACH * 0x7F), np.uint64(_EACH * 0x80)
_TO_A, _PAST_Z = np.uint64(_EACH * (0x80 - 0x61)), np.uint64(_EACH * (0x7F - 0x7A))
_PLACES, _ONE = np.uint64(0x0001020304050607), np.uint64(1)


class SpecialWords(NamedTuple):
    """keys: uint64[8192], hashes of words in open addressing (0 empty); cuts: uint16[8192], the two byte offsets, in
    8 bits each, at which the word falls apart (0: none). sieve: uint64[1024], a bit for each key's lowest 16 bits: 8
    kB that stay in the nearest cache and spare 98 % of the words a look at the table."""

    sieve: npt.NDArray[np.uint64]
    keys: npt.NDArray[np.uint64]
    cuts: npt.NDArray[np.uint16]


def token_hash(word: str) -> int:
    """The hash that the kernel gives a token: of its length and its bytes, eight a step."""
    data = word.encode("utf-8")
    value = _HASH_START + len(data) & (1 << 64) - 1
    for start in range(0, len(data), 8):
        value = (value ^ int.from_bytes(data[start : start + 8], "little")) * _HASH_FACTOR & (1 << 64) - 1
        value ^= value >> 32
    return value


@lru_cache(1)
def special_words() -> SpecialWords:
    """The table of words that don't follow the rules: English contractions, abbreviations, units, emoticons."""
    words = _contractions() | dict.fromkeys(_whole_words(), ())
    entries = [(token_hash(word), pieces) for word, pieces in words.items()]
    entries += [(token_hash(unit) ^ _UNIT_SALT, ()) for unit in _UNITS.split()]
    size = _TABLE
    keys, cuts, sieve = np.zeros(size, np.uint64), np.zeros(size, np.uint16), np.zeros(1024, np.uint64)
    for key, pieces in entries:
        sieve[key >> 6 & 1023] |= np.uint64(1 << (key & 63))
        slot = key & size - 1
        while keys[slot]:
            slot = slot + 1 & size - 1
        offset, packed = 0, 0
        for place, piece in enumerate(pieces[:-1]):
            offset += len(piece.encode("utf-8"))
            packed |= offset << 8 * place
        keys[slot], cuts[slot] = key, packed
    return SpecialWords(sieve, keys, cuts)


# units of measure are tokens only after a figure, so they have keys of their own
_UNIT_SALT = 0x5851F42D4C957F2D
_UNITS = "km km² km³ m m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg g mg µg t lb oz m/s km/h kmh mph \
hPa Pa mbar mb MB kb KB gb GB tb TB T G M K % км м см мм кг г мг км/ч т"
_APOSTROPHES = ("'", "’")

_SUBJECTS = {
    "i": "m ll d ve",
    "you we they": "ll d ve re",
    "he she it": "ll d s",
    "who what when where why how there": "ll d ve re s",
    "that this": "ll d s",
    "these those": "ll d ve re",
}
_VERBS = "ca could do does did had may might must need ought sha should wo would ai are is was were have has dare"
_NO_CONTRACTIONS = "ill its hell shell shed were well"
_ABBREVIATIONS = """
Mt. Ak. Ala. Apr. Ariz. Ark. Aug. Calif. Colo. Conn. Dec. Del. Feb. Fla. Ga. Ia. Id. Ill. Ind. Jan. Jul. Jun. Kan. Kans.
Ky. La. Mar. Mass. Mich. Minn. Miss. N.C. N.D. N.H. N.J. N.M. N.Y. Neb. Nebr. Nev. Nov. Oct. Okla. Ore. Pa. S.C. Sep.
Sept. Tenn. Va. Wash. Wis. a.m. p.m. Adm. Bros. co. Co. Corp. D.C. Dr. e.g. E.g. E.G. Gen. Gov. i.e. I.e. I.E. Inc. Jr.
Ltd. Md. Messrs. Mo. Mont. Mr. Mrs. Ms. Ph.D. Prof. Rep. Rev. Sen. St. vs. v.s. and/or w/o C++ ä. ö. ü.
"""
_CLIPPED_BEFORE = "s S d ll re em nuff cause Cause cos bout"
_CLIPPED_AFTER = "doin goin nothin somethin ol lovin havin"
_EMOTICONS = """
:) :-) :( :-( :D :-D :P :-P :] :-] :/ :-/ :| :-| ;) ;-) ;( ;D ;-D =) =( =D (: (; (= ): =] [= [: :} :> :* :p :o :O :x :X
:0 :1 :3 =/ =3 =| 8) 8D <3 xD -_- ^_^ 0.0 o_o O_O
"""


def _contractions() -> dict[str, tuple[str, ...]]:
    """English auxiliaries and "not" on pronouns, question words and verbs, with and without the apostrophe."""
    pairs = [(word, end) for words, ends in _SUBJECTS.items() for word in words.split() for end in ends.split()]
    pairs += [(word, "ve") for word in ("could", "might", "must", "should", "would", "not")]
    parts: dict[str, tuple[str, ...]] = {}
    for mark in (*_APOSTROPHES, ""):
        parts |= {f"{form}{mark}ma": (form, f"{mark}m", "a") for form in ("i", "I")}
        for word, ending in pairs:
            for form in (word, word.title()):
                parts[form + mark + ending] = (form, mark + ending)
                if ending in ("ll", "d"):
                    parts[f"{form}{mark}{ending}{mark}ve"] = (form, mark + ending, f"{mark}ve")
        for verb in _VERBS.split():
            for form in (verb, verb.title()):
                parts[f"{form}n{mark}t"] = (form, f"n{mark}t")
        for form in ("let", "Let"):
            if mark:
                parts[f"{form}{mark}s"] = (form, f"{mark}s")
    # with no apostrophe these are words of their own
    for word in _NO_CONTRACTIONS.split():
        parts.pop(word, None)
        parts.pop(word.title(), None)
    for word, cut in {"cannot": 3, "gonna": 3, "gotta": 3, "yall": 1}.items():
        for form in (word, word.title()) if word != "yall" else (word,):
            parts[form] = (form[:cut], form[cut:])
    for hour in range(1, 13):
        for half in ("am", "pm", "a.m.", "p.m."):
            parts[f"{hour}{half}"] = (str(hour), half)
    return parts


def _whole_words() -> set[str]:
    """Abbreviations, clipped words and emoticons that stay whole."""
    words = {*_ABBREVIATIONS.split(), *_EMOTICONS.split()}
    words.update(f"{letter}." for letter in ascii_lowercase)
    for mark in _APOSTROPHES:
        words.update(f"{mark}{word}" for word in ["", mark, *_CLIPPED_BEFORE.split()])
        words.update(f"{word}{mark}" for word in _CLIPPED_AFTER.split())
        words.update(
            f"{start}{mark}{end}" for start, end in (("ma", "am"), ("Ma", "am"), ("o", "clock"), ("O", "clock"))
        )
    return words


@inline
def find_special(keys, cuts, value):  # type: ignore[no-untyped-def]
    """The packed cuts of a word with this hash; -1 when it is not in the table."""
    slot = np.int64(value & np.uint64(_TABLE - 1))
    while keys[slot] != np.uint64(0):
        if keys[slot] == value:
            return np.int64(cuts[slot])
        slot = slot + 1 & _TABLE - 1
    return np.int64(-1)


@inline
def character(data, i, end, pages, flags):  # type: ignore[no-untyped-def]
    """Flags and length in bytes of the character at data[i], i < end. Broken UTF-8 is a character without flags."""
    first = data[i]
    if first < 0x80:
        return np.int64(flags[first]), 1
    return wide_character(data, i, end, pages, flags)


@jit
def wide_character(data, i, end, pages, flags):  # type: ignore[no-untyped-def]
    """`character` beyond ASCII."""
    first = data[i]
    length = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if first < 0xC0 or i + length > end:
        return np.int64(0), 1
    code = np.int64(first) & (0xFF >> (length + 1))
    for k in range(1, length):
        code = code << 6 | np.int64(data[i + k]) & 0x3F
    if code > 0x10FFFF:
        return np.int64(0), length
    return np.int64(flags[np.int64(pages[code >> 8]) + (code & 255)]), length


@jit
def character_before(data, i, start, pages, flags):  # type: ignore[no-untyped-def]
    """Flags and length of the character that ends before data[i], i > start."""
    first = i - 1
    while first > start and data[first] & 0xC0 == 0x80 and i - first < 4:
        first -= 1
    kind, _ = character(data, first, i, pages, flags)
    return kind, i - first


@jit
def hash_bytes(data, start, end):  # type: ignore[no-untyped-def]
    """`token_hash` of data[start:end]."""
    value = _START + np.uint64(end - start)
    i = start
    while i < end:
        block = np.uint64(0)
        for k in range(min(8, end - i)):
            block |= np.uint64(data[i + k]) << np.uint64(8 * k)
        value = (value ^ block) * _FACTOR
        value ^= value >> _SHIFT
        i += 8
    return value


@inline
def ascii_letters(block):  # type: ignore[no-untyped-def]
    """How many of the eight bytes, from the lowest, are ASCII letters."""
    folded = (block & _LOW7) | _BIT5
    others = (~(folded + _TO_A) | (folded + _PAST_Z) | block) & _TOP
    if others == np.uint64(0):
        return 8
    lowest = (others & (~others + _ONE)) >> np.uint64(7)
    return np.int64((lowest * _PLACES) >> np.uint64(56))


@inline
def write_token(value, characters, kind_any, kind_all, hashes, ends, counters):  # type: ignore[no-untyped-def]
    """Count one token, and keep its hash and the characters of all tokens up to it while there is room."""
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
        counters[WRITTEN] = n + 1


@jit
def write_span(data, start, end, pages, flags, hashes, ends, counters):  # type: ignore[no-untyped-def]
    """Count data[start:end] as one token."""
    kind_any, kind_all, characters, i = 0, -1, 0, start
    while i < end:
        kind, length = character(data, i, end, pages, flags)
        kind_any |= kind
        kind_all &= kind
        characters += 1
        i += length
    write_token(hash_bytes(data, start, end), characters, kind_any, kind_all, hashes, ends, counters)


@jit
def _prefix(data, i, end, pages, flags):  # type: ignore[no-untyped-def]
    """Bytes of the punctuation that data[i:end] starts with; 0: none."""
    first = data[i]
    if first == 46:  # a run of periods
        run = i
        while run < end and data[run] == 46:
            run += 1
        return run - i if run - i > 1 else 0
    if first == 43:  # plus, unless it is a sign
        return 1 if i + 1 >= end or not 48 <= data[i + 1] <= 57 else 0
    kind, length = character(data, i, end, pages, flags)
    if kind & (AFFIX | PREFIX) != 0:
        return length
    if kind & UPPER != 0:  # US$, C$, A$
        for k in range(1, 3):
            if i + k < end and data[i + k] == 36 and (data[i + k - 1] in (67, 65) if k == 1 else data[i + 1] == 83):
                return k + 1
    return 0


@jit
def _suffix(data, start, end, pages, flags, keys, cuts):  # type: ignore[no-untyped-def]
    """Bytes of the punctuation, possessive or unit that data[start:end] ends with; 0: none."""
    last = data[end - 1]
    if last == 46:
        run = end
        while run > start and data[run - 1] == 46:
            run -= 1
        if end - run > 1:
            return end - run
        if run == start:
            return 0
        kind, length = character_before(data, run, start, pages, flags)
        if (kind & (LOWER | DIGIT | AFFIX) != 0 and kind & PICTOGRAPH == 0) or data[run - 1] in (37, 43, 45):
            return 1
        if kind & UPPER != 0 and run - length > start:
            second, _ = character_before(data, run - length, start, pages, flags)
            return 1 if second & UPPER != 0 else 0
        return 0
    kind, length = character_before(data, end, start, pages, flags)
    if kind & AFFIX != 0:
        return length
    if end - length <= start:
        return 0
    if last in (115, 83):  # 's
        if data[end - 2] == 39:
            return 2
        if end - start >= 4 and data[end - 2] == 0x99 and data[end - 3] == 0x80 and data[end - 4] == 0xE2:
            return 4
    if kind & (LETTER | CURRENCY) == 0 and last not in (37, 43, 0xB2, 0xB3):
        return 0
    first = end - 1  # after the last figure: a unit, a plus, a currency
    while first >= start and end - first <= 8 and not 48 <= data[first] <= 57:
        first -= 1
    if first < start or end - first > 8 or first == end - 1:
        return 0
    if (last == 43 or kind & CURRENCY != 0) and end - length == first + 1:
        return length
    unit = hash_bytes(data, first + 1, end) ^ np.uint64(_UNIT_SALT)
    return end - 1 - first if find_special(keys, cuts, unit) >= 0 else 0


@jit
def _is_address(data, start, end, pages, flags):  # type: ignore[no-untyped-def]
    """Whether data[start:end] is a URL with or without a scheme, or an e-mail address."""
    has_dot = False
    for i in range(start, end):
        has_dot |= data[i] == 46
    if not has_dot:
        return False
    if _is_host(data, start, end, pages, flags):
        return True
    scheme = True  # letters, figures, + - . _ so far
    for i in range(start, min(end - 3, start + 2048)):
        byte = data[i]
        if byte == 64 and i > start and _is_host(data, i + 1, end, pages, flags):
            return True
        slashes = byte == 58 and data[i + 1] == 47 and data[i + 2] == 47
        if slashes and scheme and i >= start + 2 and _is_host(data, i + 3, end, pages, flags):
            return True
        kind, _ = character(data, i, end, pages, flags)
        scheme &= kind & (LETTER | DIGIT) != 0 or byte in (43, 45, 46, 95) or byte & 0xC0 == 0x80
    return False


@jit
def _is_host(data, start, end, pages, flags):  # type: ignore[no-untyped-def]
    """Whether data[start:end] is a domain name with a top level in small letters, then nothing, a port or a path."""
    i, label, labels, plain = start, start, 0, True
    while i < end:
        byte = data[i]
        alphanumeric = byte >= 0x80 or 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122
        if byte == 46:
            if i == label or data[i - 1] in (45, 95) or i - label > 64:
                return False
            labels, label, plain = labels + 1, i + 1, True
        elif alphanumeric or (byte in (45, 95) and i > label):
            plain &= 97 <= byte <= 122 or byte >= 0x80
        else:
            break
        i += 1
    if labels == 0 or i - label < 2 or not plain:
        return False
    if i < end and data[i] == 58:
        i += 1
        port = i
        while i < end and 48 <= data[i] <= 57:
            i += 1
        if not 2 <= i - port <= 5:
            return False
    return i == end or data[i] in (47, 63, 35)


@jit
def _infix(data, i, start, end, pages, flags):  # type: ignore[no-untyped-def]
    """Bytes of the infix at data[i] within the word data[start:end]; 0: none."""
    byte = data[i]
    if byte == 46 and i + 1 < end and data[i + 1] == 46:
        run = i
        while run < end and data[run] == 46:
            run += 1
        return run - i
    kind, length = character(data, i, end, pages, flags)
    if kind & PICTOGRAPH != 0 or (byte == 0xE2 and length == 3 and data[i + 1] == 0x80 and data[i + 2] == 0xA6):
        return length
    if i == start or i + length >= end:
        return 0
    before, _ = character_before(data, i, start, pages, flags)
    after, _ = character(data, i + length, end, pages, flags)
    if byte in (43, 45, 42, 94) and before & DIGIT != 0 and (after & DIGIT != 0 or data[i + 1] == 45):
        return 1
    if byte == 46:
        return 1 if before & (LOWER | QUOTE) != 0 and after & (UPPER | QUOTE) != 0 else 0
    if byte == 44:
        return 1 if before & LETTER != 0 and after & LETTER != 0 else 0
    if before & (LETTER | DIGIT) == 0:
        return 0
    if byte in (58, 60, 61, 62, 47):
        return 1 if after & LETTER != 0 else 0
    if kind & HYPHEN != 0:
        if after & LETTER != 0:
            return length
        run = i + length  # two or three hyphens, two dashes
        while run < end and data[run] == 45 and byte == 45 and run - i < 3:
            run += 1
        if byte == 0xE2 and run + 3 <= end and data[run] == 0xE2 and data[run + 2] == data[i + 2] == 0x94:
            run += 3
        if run > i + length and run < end:
            after, _ = character(data, run, end, pages, flags)
            return run - i if after & LETTER != 0 else 0
    return 0


@jit
def _special(data, start, end, keys, cuts):  # type: ignore[no-untyped-def]
    if end - start > _LONGEST_SPECIAL or end <= start:
        return -1
    return find_special(keys, cuts, hash_bytes(data, start, end))


@jit
def write_chunk(  # type: ignore[no-untyped-def]
    data, start, end, pages, flags, keys, cuts, pieces, hashes, ends, counters,
):  # fmt: skip
    """Count the tokens of a chunk without white space or letters of unspaced scripts. pieces: int64[2 * PIECES],
    scratch: the ends of the pieces from the front, and the starts of those stripped off the back from the back."""
    i, j, front, back = start, end, 0, 2 * PIECES
    special = _special(data, i, j, keys, cuts)
    while i < j and special < 0 and front < PIECES // 2 and back > PIECES + PIECES // 2:
        prefix = _prefix(data, i, j, pages, flags)
        if prefix != 0 and i + prefix < j:
            special = _special(data, i + prefix, j, keys, cuts)
            if special >= 0:
                i += prefix
                pieces[front], front = i, front + 1
                break
        suffix = _suffix(data, i + prefix, j, pages, flags, keys, cuts) if i + prefix < j else 0
        if suffix != 0:
            special = _special(data, i, j - suffix, keys, cuts)
        if prefix != 0 and special < 0:
            i += prefix
            pieces[front], front = i, front + 1
        if suffix != 0:
            j -= suffix
            back -= 1
            pieces[back] = j
        if special >= 0 or (prefix == 0 and suffix == 0):
            break
        special = _special(data, i, j, keys, cuts)
    if i < j and special >= 0:
        for offset in (special & 255, special >> 8):
            if offset != 0:
                pieces[front], front = i + offset, front + 1
    elif i < j and not _is_address(data, i, j, pages, flags):
        k, piece = i, i
        while k < j and front < back - 4:
            byte = data[k]
            infix = 0 if 97 <= byte <= 122 or 65 <= byte <= 90 else _infix(data, k, i, j, pages, flags)
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
        if pair and _special(data, piece, pieces[p + 1], keys, cuts) == 0:
            continue
        if stop > piece:
            write_span(data, piece, stop, pages, flags, hashes, ends, counters)
        piece = stop


@inline
def _may_be_special(sieve, value):  # type: ignore[no-untyped-def]
    return (sieve[np.int64(value >> np.uint64(6)) & 1023] >> (value & np.uint64(63))) & _ONE != np.uint64(0)


@jit
def write_tokens(  # type: ignore[no-untyped-def]
    data, start, end, limit, pages, flags, sieve, keys, cuts, pieces, hashes, ends, counters,
):  # fmt: skip
    """Count and write all tokens of data[start:end], a line or a whole text. limit: bytes of data that may be read."""
    i = start
    while i < end:
        # ASCII letters, then white space or a mark and white space, are most of an English text
        k, value = i, np.uint64(0)
        if i + 8 <= limit:
            block = load64(data, i)
            k = i + min(ascii_letters(block), end - i)
        if i < k < i + 8:
            value = (_START + np.uint64(k - i)) ^ (block & ((_ONE << np.uint64(8 * (k - i))) - _ONE))
            value *= _FACTOR
            value ^= value >> _SHIFT
        else:
            while k < end and (97 <= data[k] <= 122 or 65 <= data[k] <= 90):
                k += 1
            value = hash_bytes(data, i, k)
        if k > i:
            following = data[k] if k < end else np.uint8(32)
            mark = following in (44, 46, 58, 59, 33, 63) and (k + 1 == end or data[k + 1] == 32 or data[k + 1] == 10)
            if mark and following == 46:
                mark = 97 <= data[k - 1] <= 122 and _special(data, i, k + 1, keys, cuts) < 0
            if mark or (following < 0x80 and flags[following] & SPACE != 0):
                counters[CHUNKS] += 1
                counters[LONGEST] = max(counters[LONGEST], k - i + mark)
                if not _may_be_special(sieve, value) or _special(data, i, k, keys, cuts) <= 0:
                    write_token(value, k - i, LETTER, LETTER, hashes, ends, counters)
                else:
                    write_chunk(data, i, k, pages, flags, keys, cuts, pieces, hashes, ends, counters)
                if mark:
                    write_span(data, k, k + 1, pages, flags, hashes, ends, counters)
                i = k + 1 + mark
                continue
        kind, length, characters = np.int64(0), 0, k - i
        while k < end:
            kind, length = character(data, k, end, pages, flags)
            if kind & (SPACE | UNSPACED) != 0:
                break
            k += length
            characters += 1
        if k > i:
            counters[CHUNKS] += 1
            counters[LONGEST] = max(counters[LONGEST], characters)
            write_chunk(data, i, k, pages, flags, keys, cuts, pieces, hashes, ends, counters)
        i = k
        if k < end:
            i += length
            if kind & UNSPACED != 0:
                characters = 1
                while i < end:  # its marks
                    mark_kind, length = character(data, i, end, pages, flags)
                    if mark_kind & MARK == 0:
                        break
                    i += length
                    characters += 1
                write_token(hash_bytes(data, k, i), characters, kind, kind, hashes, ends, counters)


@jit
def tokens_of(text, classes, special, pieces, hashes, ends, counters):  # type: ignore[no-untyped-def]
    """`write_tokens` of a whole uint8 array, with arrays for all else."""
    counters[CAPACITY] = len(hashes)
    write_tokens(
        pointer(text), np.int64(0), len(text), len(text), pointer(classes.pages), pointer(classes.flags),
        pointer(special.sieve), pointer(special.keys), pointer(special.cuts), pointer(pieces), pointer(hashes),
        pointer(ends), pointer(counters),
    )  # fmt: skip
