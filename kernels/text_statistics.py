"""All text statistics that quality heuristics judge by, in one pass over an Arrow text column.

For each document the kernel walks its lines once. A line is hashed for duplicates, judged by C4's line rules, and cut
into tokens (kernels/word_tokens.py); then the tokens' n-grams are counted. What the statistics mean is what the rules
of the Gopher paper (Rae et al. 2021, arXiv 2112.11446, appendix A.1.1), C4 (Raffel et al. 2020, JMLR 21/140, section
2.2) and FineWeb (Penedo et al. 2024, arXiv 2406.17557, section 3.6) ask for; see `STATISTICS`.

N-grams are counted by levels: a repeated n-gram begins with a repeated (n-1)-gram, so only places whose shorter
n-gram was repeated are looked at again. English web text has 15 % of places left at 3 words and 3 % at 5.

Unspaced scripts: a unit is a letter with its marks, and so many units say what one English word says
(`UNITS_PER_WORD`); counts of words are divided by it and the orders of n-grams multiplied.

Memory: repetition is measured within a document's first million (2^20) tokens and first 2^18 lines, so that a kernel
holds about 60 MB of scratch on a document of any size. Everything else is counted over the whole document.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from kernels.arrow import Bytes, Offsets
from kernels.jit import inline, jit, load64, pointer
from kernels.unicode_classes import (
    CLOSER,
    FIRST_UNSPACED,
    LETTER,
    LINE_BREAK,
    NAMES,
    SCRIPT_SHIFT,
    SCRIPTS,
    SPACE,
    TERMINAL,
    character_classes,
)
from kernels.word_tokens import (
    ALPHABETIC,
    CAPACITY,
    CHUNKS,
    COUNTERS,
    ENDED,
    LONGEST,
    PIECES,
    SENTENCES,
    TOKENS,
    UNIT_CHARACTERS,
    UNITS,
    WORD_CHARACTERS,
    WORDS,
    WRITTEN,
    character,
    character_before,
    special_words,
    tokens_of,
    write_tokens,
)

COUNTS = ("script", "characters", "words", "stop_words", "sentences", "lorem_ipsum_lines", "curly_bracket_lines")
SHARES = (
    "mean_word_length", "hashes_per_word", "ellipses_per_word", "bullet_lines", "ellipsis_lines", "alphabetic_words",
    "duplicate_lines", "duplicate_line_characters", "duplicate_paragraphs", "duplicate_paragraph_characters",
    "top_2_gram", "top_3_gram", "top_4_gram", "duplicate_5_grams", "duplicate_6_grams", "duplicate_7_grams",
    "duplicate_8_grams", "duplicate_9_grams", "duplicate_10_grams",
    "terminal_lines", "short_lines", "duplicate_text_line_characters", "newlines_per_word",
)  # fmt: skip
STATISTICS = {
    "script": "the script that most words are written in, an index into unicode_classes.SCRIPTS",
    "characters": "code points",
    "words": "tokens with more than symbols in them",
    "stop_words": "different stop words of the document's language (or of the language with most); -1: no list for it",
    "sentences": "sentences in the lines that C4 keeps",
    "lorem_ipsum_lines": "lines that C4 would keep but for 'lorem ipsum'",
    "curly_bracket_lines": "lines that C4 would keep but for a '{'",
    "mean_word_length": "characters per word",
    "hashes_per_word": "'#' per token",
    "ellipses_per_word": "'...' and '…' per token",
    "bullet_lines": "share of lines that begin with '•' or '-'",
    "ellipsis_lines": "share of lines that end with an ellipsis",
    "alphabetic_words": "share of tokens with a letter",
    "duplicate_lines": "share of lines that occurred before",
    "duplicate_line_characters": "characters in lines that occurred before, of all characters",
    "duplicate_paragraphs": "share of paragraphs that occurred before",
    "duplicate_paragraph_characters": "characters in paragraphs that occurred before, of all characters",
    **{f"top_{n}_gram": f"characters in the most frequent {n}-gram, of all characters" for n in (2, 3, 4)},
    **{f"duplicate_{n}_grams": f"characters in {n}-grams that occurred before, of all" for n in range(5, 11)},
    "terminal_lines": "share of lines with text that end with a terminal punctuation mark",
    "short_lines": "share of lines with text of at most `short_line` characters",
    "duplicate_text_line_characters": "characters in lines with text that occurred before, of all outside line ends",
    "newlines_per_word": "line feeds per token",
}

UNITS_PER_WORD = {"han": 1.5, "kana": 2.0, "thai": 4.0, "lao": 4.0, "khmer": 4.0, "myanmar": 4.0, "tibetan": 5.0}
"""Letters (with marks) per English word of the same text: measured on the Universal Declaration of Human Rights,
1,745 words in English; 2,633 letters in Chinese (1.51; Traditional 1.43), 3,640 in Japanese (2.09), 7,113 in Thai
(4.08), 7,453 in Lao (4.27), 6,480 in Burmese (3.71), 9,020 in Dzongkha (5.17). Khmer as Thai."""

WINDOW = 1 << 20
LINE_WINDOW = 1 << 18
_ORDERS = (2, 3, 4, 5, 6, 7, 8, 9, 10)
_LONGEST_STOP_WORD = 4
_CLEANED = 1 << 16

# C4's line rules, as bits of LineSettings.rules
TERMINAL_RULE, JAVASCRIPT_RULE, POLICY_RULE, CITATIONS_RULE = 1, 2, 4, 8
# what a line holds: the first three are phrases
_JAVASCRIPT, _LOREM_IPSUM, _POLICY, _CURLY, _BRACKET = 1, 2, 4, 8, 16


class LineSettings(NamedTuple):
    """What the line statistics depend on. `rules`: bits of C4's line rules that are on."""

    short_line: int = 30
    min_words: int = 3
    max_word_length: int = 1000
    rules: int = TERMINAL_RULE | JAVASCRIPT_RULE | POLICY_RULE | CITATIONS_RULE


class StopWords(NamedTuple):
    """Stop words of several languages, by hash. keys: uint64[n] in open addressing (0 empty), a key once per
    language; languages: uint8[n], its language; bits: uint64[n], one bit for each word of a language; complete:
    uint64[languages], all of a language's bits; scripts: int64[languages], indices into SCRIPTS; names: the
    languages."""

    keys: npt.NDArray[np.uint64]
    languages: npt.NDArray[np.uint8]
    bits: npt.NDArray[np.uint64]
    complete: npt.NDArray[np.uint64]
    scripts: npt.NDArray[np.int64]
    names: tuple[str, ...]


class TextStatistics(NamedTuple):
    """counts: int32[documents, len(COUNTS)]; shares: float32[documents, len(SHARES)]."""

    counts: npt.NDArray[np.int32]
    shares: npt.NDArray[np.float32]


def text_statistics(
    data: Bytes,
    offsets: Offsets,
    stop_words: StopWords,
    languages: npt.NDArray[np.int16],
    settings: LineSettings | None = None,
) -> TextStatistics:
    """The statistics of each row of a text column (see kernels.arrow.text_buffers).

    languages: int16[documents], the language's place in stop_words.names; -1 when it is unknown, -2 when it has no
    list.
    """
    settings = settings or LineSettings()
    documents = len(offsets) - 1
    counts = np.zeros((documents, len(COUNTS)), np.int32)
    shares = np.zeros((documents, len(SHARES)), np.float32)
    if documents:
        scratch = _scratch(int(np.diff(offsets).max()), len(stop_words.names))
        with np.errstate(over="ignore"):
            _measure(
                data, offsets, character_classes(), special_words(), *stop_words[:5], languages, _orders(),
                _units_per_word(), settings, scratch, counts, shares,
            )  # fmt: skip
    return TextStatistics(counts, shares)


class _Scratch(NamedTuple):
    """What a kernel works in. It is allocated outside because a kernel's own array dies with its last use as an array,
    while pointers to it live on."""

    hashes: npt.NDArray[np.uint64]
    ends: npt.NDArray[np.int32]
    grams: npt.NDArray[np.uint64]
    active: npt.NDArray[np.int32]
    slots: npt.NDArray[np.int32]
    table: npt.NDArray[np.uint64]
    lines: npt.NDArray[np.uint64]
    paragraphs: npt.NDArray[np.uint64]
    pieces: npt.NDArray[np.int64]
    cleaned: npt.NDArray[np.uint8]
    counters: npt.NDArray[np.int64]
    line_counters: npt.NDArray[np.int64]
    letters: npt.NDArray[np.int64]
    found: npt.NDArray[np.uint64]
    result: npt.NDArray[np.float64]


def _scratch(longest: int, languages: int) -> _Scratch:
    """Room for documents of up to `longest` bytes, or for the windows where they are longer."""
    tokens = min(longest, WINDOW) + 1
    lines = np.empty((2, _table_size(min(longest + 2, LINE_WINDOW))), np.uint64)
    return _Scratch(
        hashes=np.empty(tokens, np.uint64),
        ends=np.empty(tokens, np.int32),
        grams=np.empty(tokens, np.uint64),
        active=np.empty(tokens, np.int32),
        slots=np.empty(tokens, np.int32),
        table=np.empty(_table_size(tokens), np.uint64),
        lines=lines[0],
        paragraphs=lines[1],
        pieces=np.empty(2 * PIECES, np.int64),
        cleaned=np.empty(_CLEANED, np.uint8),
        counters=np.zeros(COUNTERS, np.int64),
        line_counters=np.zeros(COUNTERS, np.int64),
        letters=np.zeros(len(SCRIPTS), np.int64),
        found=np.zeros(languages, np.uint64),
        result=np.zeros(len(_ORDERS), np.float64),
    )


def _table_size(entries: int) -> int:
    return max(16, 1 << (2 * entries - 1).bit_length())


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
    table = StopWords(
        np.zeros(size, np.uint64),
        np.zeros(size, np.uint8),
        np.zeros(size, np.uint64),
        np.array([(1 << len(words)) - 1 for words in distinct], np.uint64),
        np.array([NAMES[script] for script in scripts], np.int64),
        tuple(lists),
    )
    for key, language, bit in entries:
        slot = key & size - 1
        while table.keys[slot]:
            slot = slot + 1 & size - 1
        table.keys[slot], table.languages[slot], table.bits[slot] = key, language, 1 << bit
    return table


def _phrase_hash(word: str) -> int:
    """The hash of a stop word: of its token, or of its units one after the other."""
    data = np.frombuffer(word.encode("utf-8"), np.uint8)
    hashes, ends, counters = np.empty(64, np.uint64), np.empty(64, np.int32), np.zeros(COUNTERS, np.int64)
    with np.errstate(over="ignore"):
        pieces = np.empty(2 * PIECES, np.int64)
        tokens_of(data, character_classes(), special_words(), pieces, hashes, ends, counters)
        written = int(counters[WRITTEN])
        if not 1 <= written <= _LONGEST_STOP_WORD or (written > 1 and counters[UNITS] != written):
            raise ValueError(f"not one word, or more than {_LONGEST_STOP_WORD} letters of an unspaced script: {word!r}")
        value = hashes[0]
        for k in range(1, written):
            value = np.uint64(extend(value, hashes[k]))
    return int(value)


@lru_cache(1)
def _units_per_word() -> npt.NDArray[np.float64]:
    return np.array([UNITS_PER_WORD.get(name, 1.0) for name in SCRIPTS])


@lru_cache(1)
def _orders() -> npt.NDArray[np.int64]:
    """Orders of the n-grams by script, in units: int64[scripts, 9]."""
    return np.array([[round(n * units) for n in _ORDERS] for units in _units_per_word()], np.int64)


@inline
def extend(gram, value):  # type: ignore[no-untyped-def]
    """The hash of an n-gram and one more token."""
    gram = (gram ^ (gram >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) + value
    return gram ^ (gram >> np.uint64(32))


@jit
def _hash_span(data, start, end):  # type: ignore[no-untyped-def]
    """A hash of data[start:end], eight bytes a step; never 0."""
    value = np.uint64(end - start + 1) * np.uint64(0x9E3779B97F4A7C15)
    i = start
    while i + 8 <= end:
        value = (value ^ load64(data, i)) * np.uint64(0xFF51AFD7ED558CCD)
        value ^= value >> np.uint64(32)
        i += 8
    while i < end:
        value = (value ^ np.uint64(data[i])) * np.uint64(0xBF58476D1CE4E5B9)
        value ^= value >> np.uint64(29)
        i += 1
    return value | np.uint64(1)


@jit
def _seen(keys, mask, value):  # type: ignore[no-untyped-def]
    """Whether the set holds the value; it does afterwards."""
    slot = value & mask
    while keys[slot] != np.uint64(0):
        if keys[slot] == value:
            return True
        slot = (slot + np.uint64(1)) & mask
    keys[slot] = value
    return False


@jit
def _characters(data, start, end):  # type: ignore[no-untyped-def]
    count = 0
    for i in range(start, end):
        count += data[i] & 0xC0 != 0x80
    return count


# C4's phrases, each with the place of a rare letter (k, m, v) that it is found by
_PHRASES = (
    ("javascript", 2, _JAVASCRIPT), ("lorem ipsum", 4, _LOREM_IPSUM), ("terms of use", 3, _POLICY),
    ("privacy policy", 3, _POLICY), ("cookie policy", 3, _POLICY), ("uses cookies", 8, _POLICY),
    ("use of cookies", 10, _POLICY), ("use cookies", 7, _POLICY),
)  # fmt: skip
_PHRASE_TEXTS = np.array([list(text.encode().ljust(16, b"\0")) for text, _, _ in _PHRASES], np.uint8)
_PHRASE_FACTS = np.array([(len(text), place, found) for text, place, found in _PHRASES], np.int64)
# bytes that the scan of a line has to look at: line breaks, rare letters, periods and brackets, non-ASCII
_PLAIN, _BREAK, _LETTER, _MARK, _OTHER = range(5)
_LOOK = np.full(256, _OTHER, np.uint8)
_LOOK[:128] = _PLAIN
_LOOK[[10, 11, 12, 13, 28, 29, 30]] = _BREAK
_LOOK[list(b"kmvKMV")] = _LETTER
_LOOK[list(b".[{")] = _MARK


@jit
def _phrases_at(data, i, start, end):  # type: ignore[no-untyped-def]
    """Bits of the phrases within data[start:end] whose rare letter is data[i]; ASCII case is ignored."""
    found = 0
    for p in range(len(_PHRASE_TEXTS)):
        length, place = _PHRASE_FACTS[p, 0], _PHRASE_FACTS[p, 1]
        if data[i] | 0x20 != _PHRASE_TEXTS[p, place] or i - place < start or i - place + length > end:
            continue
        same = True
        for k in range(length):
            byte = data[i - place + k]
            same &= (byte | 0x20 if 65 <= byte <= 90 else byte) == _PHRASE_TEXTS[p, k]
        if same:
            found |= _PHRASE_FACTS[p, 2]
    return found


@jit
def _scan_line(data, start, end, pages, flags):  # type: ignore[no-untyped-def]
    """The line that begins at data[start]: where it ends (a line break or `end`), what was found (bits), ellipses."""
    found, ellipses, i = 0, 0, start
    while i < end:
        look = _LOOK[data[i]]
        if look == _PLAIN:
            i += 1
            continue
        length = 1
        if look == _LETTER:
            found |= _phrases_at(data, i, start, end)
        elif look == _MARK:
            if data[i] == 46:
                while i + length < end and data[i + length] == 46:
                    length += 1
                ellipses += length // 3
            else:
                found |= _CURLY if data[i] == 123 else _BRACKET
        elif look == _BREAK:
            break
        elif data[i] == 0xC2 or data[i] == 0xE2:
            kind, length = character(data, i, end, pages, flags)
            if kind & LINE_BREAK != 0:
                break
            ellipses += length == 3 and data[i + 1] == 0x80 and data[i + 2] == 0xA6
        i += length
    return i, found, ellipses


@jit
def _trim(data, start, end, pages, flags):  # type: ignore[no-untyped-def]
    """Where data[start:end] begins and ends without the white space around it; (end, end) if there is nothing else."""
    while start < end:
        kind, length = character(data, start, end, pages, flags)
        if kind & SPACE == 0:
            break
        start += length
    while end > start:
        kind, length = character_before(data, end, start, pages, flags)
        if kind & SPACE == 0:
            break
        end -= length
    return start, end


@jit
def _without_citations(data, start, end, cleaned):  # type: ignore[no-untyped-def]
    """Copy data[start:end] without Wikipedia's [1], [edit] and [citation needed]; returns the length."""
    n, i = 0, start
    while i < end:
        if data[i] == 91:
            k = i + 1
            while k < end and 48 <= data[k] <= 57:
                k += 1
            if k < end and data[k] == 93:
                i = k + 1
                continue
            if _equal(data, i, end, _EDIT):
                i += len(_EDIT)
                continue
            if _equal(data, i, end, _NEEDED):
                i += len(_NEEDED)
                continue
        cleaned[n] = data[i]
        n, i = n + 1, i + 1
    return n


_EDIT, _NEEDED = np.frombuffer(b"[edit]", np.uint8), np.frombuffer(b"[citation needed]", np.uint8)


@jit
def _equal(data, i, end, text):  # type: ignore[no-untyped-def]
    if i + len(text) > end:
        return False
    same = True
    for k in range(len(text)):
        same &= data[i + k] == text[k]
    return same


@jit
def _ends_sentence(data, start, end, script, pages, flags):  # type: ignore[no-untyped-def]
    """C4's terminal punctuation: . ? ! and straight quotes, no ellipsis. In other scripts than Latin also the
    script's own marks, closing quotes and brackets after one. Thai and Lao, which write none, always."""
    if end <= start:
        return False
    last = data[end - 1]
    if last in (46, 63, 33, 34, 39):
        return not (last == 46 and end - start >= 3 and data[end - 2] == 46 and data[end - 3] == 46)
    if script == _LATIN:
        return False
    if script in (_THAI, _LAO):
        return True
    kind, length = character_before(data, end, start, pages, flags)
    while kind & CLOSER != 0 and end - length > start:
        end -= length
        kind, length = character_before(data, end, start, pages, flags)
    return kind & TERMINAL != 0


_LATIN, _HAN, _KANA, _THAI, _LAO = (NAMES[name] for name in ("latin", "han", "kana", "thai", "lao"))


@jit
def _survey(data, start, end, pages, flags, units_per_word, letters):  # type: ignore[no-untyped-def]
    """Characters, '#' signs, line feeds and the script of data[start:end]. letters: int64[scripts], scratch."""
    characters, hashes, feeds, ascii_letters = 0, 0, 0, 0
    for i in range(start, end):
        byte = data[i]
        characters += byte & 0xC0 != 0x80
        hashes += byte == 35
        feeds += byte == 10
        ascii_letters += 97 <= byte | 0x20 <= 122
    if characters == end - start:
        return characters, hashes, feeds, _LATIN if ascii_letters else 0
    for k in range(len(units_per_word)):
        letters[k] = 0
    letters[_LATIN] = ascii_letters
    i = start
    while i < end:
        if data[i] < 0x80:
            i += 1
            continue
        kind, length = character(data, i, end, pages, flags)
        letters[kind >> SCRIPT_SHIFT] += kind & LETTER != 0
        i += length
    # Japanese is written in Han and Kana; prose has more Kana than Han, a Chinese text that quotes some has few
    if letters[_KANA] * 10 > letters[_HAN]:
        letters[_KANA] += letters[_HAN]
        letters[_HAN] = 0
    best, most = 0, 0.0
    for k in range(1, len(units_per_word)):
        words = letters[k] / (units_per_word[k] if k >= FIRST_UNSPACED else _LETTERS_PER_WORD)
        if words > most:
            best, most = k, words
    return characters, hashes, feeds, best


_LETTERS_PER_WORD = 5.0


@jit
def _count_stop_words(  # type: ignore[no-untyped-def]
    hashes, n, script, keys, mask, languages, bits, complete, found, count, language,
):  # fmt: skip
    """Different stop words of the language among the first n tokens; language -1: of the one with most. found: uint64
    [languages], scratch."""
    if language == -2:
        return -1
    for k in range(count):
        found[k] = 0
    reach = _LONGEST_STOP_WORD if script >= FIRST_UNSPACED else 1
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
            value = extend(value, hashes[i + k])
    best = 0
    for k in range(count):
        if language in (k, -1):
            bit_count, rest = 0, found[k]
            while rest != np.uint64(0):
                rest &= rest - np.uint64(1)
                bit_count += 1
            best = max(best, bit_count)
    return best


@jit
def _repetition(hashes, ends, n, orders, space, table, active, slots, grams, result):  # type: ignore[no-untyped-def]
    """Characters in the most frequent 2- to 4-gram and in repeated 5- to 10-grams, into result: float64[9].

    Top n-grams are counted with the spaces between their words, repeated ones without, and these not overlapping: after
    one that occurred before, the search goes on behind it. The first of equally frequent n-grams is the top one.
    """
    places, order = 0, 1
    for i in range(n):
        active[i] = i
        grams[i] = hashes[i]
    places = n
    for level in range(len(orders)):
        # extend the n-grams that are still of interest; those that reach beyond the end fall away
        wanted = orders[level]
        kept = 0
        for p in range(places):
            i = active[p]
            if i + wanted <= n:
                gram = grams[p]
                for k in range(order, wanted):
                    gram = extend(gram, hashes[i + k])
                active[kept], grams[kept] = i, gram
                kept += 1
        places, order = kept, wanted
        size = 16
        while size < 2 * places:
            size *= 2
        mask = np.uint64(size - 1)
        for k in range(size):
            table[k] = 0
        for p in range(places):
            # an entry is 32 bits of the hash and the count below; with the slot, 40 bits and more must agree
            key = grams[p] & _KEY
            slot = grams[p] & mask
            while table[slot] != np.uint64(0) and table[slot] & _KEY != key:
                slot = (slot + np.uint64(1)) & mask
            table[slot] = (table[slot] | key) + np.uint64(1)
            slots[p] = np.int32(slot)
        if level < 3:
            best, where = _ONE, 0
            for p in range(places):
                count = table[slots[p]] & _COUNT
                if count > best:
                    best, where = count, active[p]
            if n >= wanted:
                before = ends[where - 1] if where else 0
                result[level] = (ends[where + wanted - 1] - before + (wanted - 1) * space) * np.int64(best)
        else:
            repeated, free = 0, 0
            for p in range(places):
                i, entry = active[p], table[slots[p]]
                if entry & _COUNT == _ONE or i < free:
                    continue
                if entry & _MET != np.uint64(0):
                    repeated += ends[i + wanted - 1] - (ends[i - 1] if i else 0)
                    free = i + wanted
                else:
                    table[slots[p]] = entry | _MET
            result[level] = repeated
        kept = 0
        for p in range(places):
            active[kept], grams[kept] = active[p], grams[p]
            kept += table[slots[p]] & _COUNT != _ONE
        places = kept


_KEY, _MET, _COUNT, _ONE = np.uint64(0xFFFFFFFF << 32), np.uint64(1 << 31), np.uint64((1 << 31) - 1), np.uint64(1)


@jit
def _measure(  # type: ignore[no-untyped-def]
    text, offsets, classes, special, stop_keys, stop_languages, stop_bits, complete, stop_scripts, languages, orders,
    units_per_word, settings, scratch, out_counts, out_shares,
):  # fmt: skip
    documents, limit, language_count = len(offsets) - 1, len(text), len(scratch.found)
    data, pages, flags, clean = pointer(text), pointer(classes.pages), pointer(classes.flags), pointer(scratch.cleaned)
    sieve, special_keys, special_cuts = pointer(special.sieve), pointer(special.keys), pointer(special.cuts)
    pieces, hashes, ends = pointer(scratch.pieces), pointer(scratch.hashes), pointer(scratch.ends)
    counters, line_counters = pointer(scratch.counters), pointer(scratch.line_counters)
    table, grams = pointer(scratch.table), pointer(scratch.grams)
    active, slots, letters = pointer(scratch.active), pointer(scratch.slots), pointer(scratch.letters)
    line_keys, paragraph_keys, found = pointer(scratch.lines), pointer(scratch.paragraphs), pointer(scratch.found)
    keys, key_languages, key_bits = pointer(stop_keys), pointer(stop_languages), pointer(stop_bits)
    key_mask = np.uint64(len(stop_keys) - 1)
    line_array, paragraph_array, result = scratch.lines, scratch.paragraphs, scratch.result
    counter_array, line_counter_array, capacity = scratch.counters, scratch.line_counters, len(scratch.hashes)
    short_line, min_words = settings.short_line, settings.min_words
    max_word_length, rules = settings.max_word_length, settings.rules
    # typed, because numba compiles a function again for each literal argument
    zero, cleaned_limit = np.int64(0), np.int64(_CLEANED)

    for d in range(documents):
        start, end = offsets[d], offsets[d + 1]
        characters, hash_signs, feeds, script = _survey(data, start, end, pages, flags, units_per_word, letters)
        ascii_only = characters == end - start
        units_a_word = units_per_word[script]
        counter_array[:] = 0
        counters[CAPACITY] = capacity
        size = 16
        while size < 2 * min(feeds + 2, LINE_WINDOW):
            size *= 2
        mask = np.uint64(size - 1)
        line_array[:size] = 0
        paragraph_array[:size] = 0
        # paragraphs are of the text without the white space around it
        body, body_end = _trim(data, start, end, pages, flags)
        lines, bullets, ellipsis_lines, ellipses = 0, 0, 0, 0
        feed_lines, duplicate_lines, duplicate_line_characters, covered = 0, 0, 0, 0
        text_lines, terminal_lines, short_lines, duplicate_text_characters = 0, 0, 0, 0
        paragraphs, duplicate_paragraphs, duplicate_paragraph_characters = 0, 0, 0
        paragraph, paragraph_characters = np.uint64(0), 0
        sentences, lorem_lines, curly_lines = 0, 0, 0
        line, position, has_text = start, start, False
        while position < end:
            stop, holds, more_ellipses = _scan_line(data, position, end, pages, flags)
            first, last = _trim(data, position, stop, pages, flags)
            ellipses += more_ellipses
            lines += 1
            if first < last:
                has_text = True
                byte = data[first]
                bullets += byte == 45 or (byte == 0xE2 and data[first + 1] == 0x80 and data[first + 2] == 0xA2)
                if last - first >= 3:
                    a, b, c = data[last - 3], data[last - 2], data[last - 1]
                    ellipsis_lines += (a == 46 and b == 46 and c == 46) or (a == 0xE2 and b == 0x80 and c == 0xA6)
                before, chunks, units = counters[SENTENCES], counters[CHUNKS], counters[UNITS]
                counters[ENDED], counters[LONGEST] = 0, 0
                write_tokens(
                    data, first, last, limit, pages, flags, sieve, special_keys, special_cuts, pieces, hashes, ends,
                    counters,
                )  # fmt: skip
                in_line = counters[SENTENCES] - before + 1
                # C4's line rules, in C4's order
                words = counters[CHUNKS] - chunks + np.int64((counters[UNITS] - units) / units_a_word)
                if counters[LONGEST] <= max_word_length and words >= min_words:
                    cited = rules & CITATIONS_RULE != 0 and holds & _BRACKET != 0 and last - first <= _CLEANED
                    ended = False
                    if cited:
                        length = _without_citations(data, first, last, clean)
                        ended = _ends_sentence(clean, zero, length, script, pages, flags)
                        if ended and length != last - first:
                            line_counter_array[:] = 0
                            write_tokens(
                                clean, zero, length, cleaned_limit, pages, flags, sieve, special_keys, special_cuts,
                                pieces, hashes, ends, line_counters,
                            )  # fmt: skip
                            in_line = line_counters[SENTENCES] + 1
                    else:
                        ended = _ends_sentence(data, first, last, script, pages, flags)
                    if ended or rules & TERMINAL_RULE == 0:
                        lorem_lines += holds & _LOREM_IPSUM != 0
                        if rules & JAVASCRIPT_RULE == 0 or holds & _JAVASCRIPT == 0:
                            curly_lines += holds & _CURLY != 0
                            if rules & POLICY_RULE == 0 or holds & _POLICY == 0:
                                sentences += in_line
                                if script in (_THAI, _LAO):  # a space ends a sentence or a phrase
                                    sentences += (counters[CHUNKS] - chunks) // 2
            if stop < end and data[stop] == 13 and stop + 1 < end and data[stop + 1] == 10:
                stop += 1
            position = stop
            if stop < end:
                _, length = character(data, stop, end, pages, flags)
                position += length
                if data[stop] != 10 and position < end:
                    continue
                if data[stop] != 10:
                    stop = position
            # a line between line feeds is complete
            length = stop - line if ascii_only else _characters(data, line, stop)
            if stop > line and feed_lines < LINE_WINDOW:
                value = _hash_span(data, line, stop)
                duplicate = _seen(line_keys, mask, value)
                feed_lines += 1
                covered += length
                if duplicate:
                    duplicate_lines += 1
                    duplicate_line_characters += length
                if has_text:
                    duplicate_text_characters += length if duplicate else 0
                low, high = max(line, body), min(stop, body_end)
                if low < high:
                    paragraph_characters += 1 + length
                    if low != line or high != stop:
                        value = _hash_span(data, low, high)
                        paragraph_characters += _characters(data, low, high) - length
                    paragraph = extend(paragraph, value)
            covered += 1
            if has_text:
                text_lines += 1
                kind, _ = character_before(data, stop, line, pages, flags)
                if kind & CLOSER != 0 and script != _LATIN:
                    terminal_lines += _ends_sentence(data, line, stop, script, pages, flags)
                else:
                    terminal_lines += kind & TERMINAL != 0
                short_lines += length <= short_line
            if paragraph_characters > 0 and (stop == line or position >= body_end):
                paragraphs += 1
                if _seen(paragraph_keys, mask, paragraph | np.uint64(1)):
                    duplicate_paragraphs += 1
                    duplicate_paragraph_characters += paragraph_characters - 1
                paragraph, paragraph_characters = np.uint64(0), 0
            line, has_text = position, False
        # splitting at runs of line feeds leaves an empty line where the text begins or ends with one
        if end > start:
            edges = 1 if data[start] == 10 else 0
            edges += 1 if data[end - 1] == 10 else 0
            feed_lines += edges
            duplicate_lines += edges == 2

        all_units = counters[UNITS] / units_a_word
        tokens, words = counters[TOKENS] + all_units, counters[WORDS] + all_units
        written = counters[WRITTEN]
        result[:] = 0
        _repetition(
            hashes, ends, written, orders[script], 0 if script >= FIRST_UNSPACED else 1, table, active, slots,
            grams, result,
        )  # fmt: skip
        language = languages[d]
        # a language that is written in another script was a wrong guess
        if (language >= 0 and stop_scripts[language] != script) or (language == -2 and script >= FIRST_UNSPACED):
            language = -1
        stops = _count_stop_words(
            hashes, written, script, keys, key_mask, key_languages, key_bits, complete[max(language, 0)], found,
            language_count, language,
        )  # fmt: skip
        counts = out_counts[d]
        counts[0], counts[1], counts[2], counts[3] = script, characters, np.int64(words), stops
        counts[4], counts[5], counts[6] = sentences, lorem_lines, curly_lines
        shares = out_shares[d]
        if words > 0:
            shares[0] = (counters[WORD_CHARACTERS] + counters[UNIT_CHARACTERS]) / words
        if tokens > 0:
            shares[1], shares[2] = hash_signs / tokens, ellipses / tokens
            shares[5] = (counters[ALPHABETIC] + all_units) / tokens
            shares[22] = feeds / tokens
        if lines > 0:
            shares[3], shares[4] = bullets / lines, ellipsis_lines / lines
        if characters > 0:
            within_lines = characters if feed_lines < LINE_WINDOW else covered
            if feed_lines > 0:
                shares[6] = duplicate_lines / feed_lines
            shares[7] = duplicate_line_characters / within_lines
            if paragraphs > 0:
                shares[8] = duplicate_paragraphs / paragraphs
            shares[9] = duplicate_paragraph_characters / within_lines
            within_words = characters if written < WINDOW else ends[written - 1] + written
            for k in range(9):
                shares[10 + k] = result[k] / within_words
            if text_lines > 0:
                shares[19], shares[20] = terminal_lines / text_lines, short_lines / text_lines
                shares[21] = duplicate_text_characters / max(1, within_lines - feeds)
