# ruff: noqa: SIM109 - as in kernels.bpe.pretokenize
"""The pre-tokenizers of GPT-2, cl100k_base and DeepSeek-V3 as one left-to-right scan over character classes.

Their regular expressions are of one kind. Alternative by alternative, with what only some of them have in brackets:

    [ 's 't 're 've 'm 'll 'd ]             contractions
    [ ASCII punctuation, then A-Z and a-z ]
    one character of some set? LETTER+      the set: space; all but letters, numbers and line ends; ...
    [space?] NUMBER+ or NUMBER{1,3}
    space? PUNCTUATION+ [NEWLINE*]
    [ \\s*NEWLINE+ ]                         blanks up to the last line end among them
    \\s+(?!\\S)                               blanks but the last, which may begin what follows
    \\s+

What the sets are is in the class table: a class is a kind and flags. DeepSeek-V3 cuts out numbers and runs of kana and
Han first, so that for the rest the text ends there: characters of those runs are flagged as an island, and nothing is
joined with what isn't on it. A scheme without NEWLINE has line ends among its BLANKs.
"""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.bpe.character_classes import END, ClassTable, class_at, run_end
from dspipe.kernels.jit import entry, inline, jit, pointer

NEWLINE, SPACE, BLANK, LETTER, NUMBER, PUNCTUATION, OTHER = range(7)
"""the kinds; OTHER is in no alternative, but LEADS"""
KIND = 7
LATIN = 8
"""flag of A-Z, a-z and the punctuation that takes them with it"""
LEADS = 16
"""flag of what may be the one character before letters"""
ISLAND = 32
"""flag of the characters whose runs are cut out first"""
TAKES_SPACE = 64
"""flag of numbers that take a space before them"""
SAME = KIND | ISLAND
NO_CONTRACTIONS, CONTRACTIONS, CONTRACTIONS_OF_ANY_CASE = range(3)
APOSTROPHE, S, T, R, E, V, M, L, D = (ord(character) for character in "'strevmld")


@inline
def contraction_end(text, p, end, any_case):  # type: ignore[no-untyped-def]
    """The end of a contraction whose apostrophe is at p; p when there is none."""
    upper = 32 if any_case else 0
    first = text[p + 1] | upper if p + 1 < end else 0
    second = text[p + 2] | upper if p + 2 < end else 0
    if first == S or first == T or first == M or first == D:
        return p + 2
    if (second == E and (first == R or first == V)) or (second == L and first == L):
        return p + 3
    if any_case and first == 0xE5 and text[p + 1] == 0xC5 and text[p + 2] == 0xBF:  # U+017F, a long s
        return p + 3
    return p


@inline
def _number_end(text, p, end, max_numbers, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    """The end of the numbers from p, of which there are at most so many."""
    while max_numbers > 0:
        found, length = class_at(text, p, end, ascii, block_of, blocks)
        if found & SAME != NUMBER:
            break
        max_numbers -= 1
        p += length
    return p


@inline
def _punctuation_end(text, p, end, kind, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    """The end of the punctuation from p, and of the line ends after it."""
    p = run_end(text, p, end, kind, ascii, block_of, blocks, SAME)
    if kind & ISLAND != 0:
        return p
    return run_end(text, p, end, NEWLINE, ascii, block_of, blocks, SAME)


@jit
def _blanks_end(text, start, end, numbers_apart, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    """The end of the piece that begins with blanks which don't belong to what follows."""
    p = last = past_newline = start
    while True:
        found, length = class_at(text, p, end, ascii, block_of, blocks)
        if found & SAME > BLANK:
            break
        last = p
        p += length
        if found & SAME == NEWLINE:
            past_newline = p
    if past_newline > start:
        return past_newline
    text_goes_on = found != END and found & ISLAND == 0 and not (numbers_apart and found & SAME == NUMBER)
    return last if text_goes_on and last > start else p


@jit
def _other_end(text, p, end, kind, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    """The end of OTHER from p, less one before letters."""
    last = p
    while True:
        found, length = class_at(text, p, end, ascii, block_of, blocks)
        if found & SAME != kind:
            return last if found & SAME == kind & ISLAND | LETTER else p
        last = p
        p += length


@inline
def _piece_end(text, start, end, contractions, max_numbers, numbers_apart, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    first, length = class_at(text, start, end, ascii, block_of, blocks)
    p = start + length
    kind, letter = first & SAME, first & ISLAND | LETTER
    if kind == letter:
        return run_end(text, p, end, letter, ascii, block_of, blocks, SAME)
    if kind == NUMBER:
        return _number_end(text, start, end, max_numbers, ascii, block_of, blocks)
    if contractions != NO_CONTRACTIONS and text[start] == APOSTROPHE:
        past = contraction_end(text, start, end, contractions == CONTRACTIONS_OF_ANY_CASE)
        if past > start:
            return past
    after, length = class_at(text, p, end, ascii, block_of, blocks)
    if first & LEADS != 0 and after & SAME == letter:
        return run_end(text, p + length, end, letter, ascii, block_of, blocks, SAME)
    if kind & KIND == PUNCTUATION:
        if first & LATIN != 0 and after == LETTER | LATIN:
            return run_end(text, p + length, end, LETTER | LATIN, ascii, block_of, blocks)
        return _punctuation_end(text, p, end, kind, ascii, block_of, blocks)
    if kind == SPACE:
        if after & SAME == PUNCTUATION:
            return _punctuation_end(text, p + length, end, PUNCTUATION, ascii, block_of, blocks)
        if after & SAME == NUMBER and after & TAKES_SPACE != 0:
            return _number_end(text, p, end, max_numbers, ascii, block_of, blocks)
    if kind <= BLANK:
        return _blanks_end(text, start, end, numbers_apart, ascii, block_of, blocks)
    return _other_end(text, start, end, kind, ascii, block_of, blocks)


@entry("state", "ends")
def scan_regex(
    text: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    classes: ClassTable,
    contractions: int,
    max_numbers: int,
    numbers_apart: bool,
    state: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
) -> int:
    """As kernels.bpe.pretokenize.scan_deepseek, for the schemes above.

    contractions: NO_CONTRACTIONS, CONTRACTIONS or CONTRACTIONS_OF_ANY_CASE; max_numbers: that a piece may have;
    numbers_apart: whether numbers are cut out first.
    """
    data = pointer(text)
    ascii, block_of, blocks = pointer(classes.ascii), pointer(classes.block_of), pointer(classes.blocks)
    document, p, n = state[0], state[1], 0
    while document < len(offsets) - 1 and n < len(ends):
        end = offsets[document + 1]
        if p < end:
            p = _piece_end(data, p, end, contractions, max_numbers, numbers_apart, ascii, block_of, blocks)
        else:
            document += 1
        ends[n] = p
        n += 1
    state[0], state[1] = document, p
    return n
