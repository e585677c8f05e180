"""The pre-tokenizer of o200k_base (GPT-4o) as one left-to-right scan: words are cut where capitals begin anew.

Its regular expression, alternative by alternative, where UPPER is capitals and title case, LOWER small letters, and
BOTH all other letters and marks:

    one character of some set? [UPPER BOTH]* [LOWER BOTH]+ contraction?     the set: all but letters, numbers, line ends
    one character of some set? [UPPER BOTH]+ [LOWER BOTH]* contraction?
    NUMBER{1,3}
    space? PUNCTUATION+ then line ends and slashes
    \\s*NEWLINE+  |  \\s+(?!\\S)  |  \\s+                                      as in kernels.bpe.pretokenize_regex

What backtracking makes of the first two: a run of [UPPER BOTH] goes on with [LOWER BOTH] where a small letter follows;
else it ends after the last of BOTH in it, or, if there is none, where it ends. A mark is both a letter and punctuation;
the one character before letters, if it is a mark, gives what it gives as a letter.
"""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.bpe.character_classes import END, ClassTable, class_at
from dspipe.kernels.bpe.pretokenize_regex import APOSTROPHE, contraction_end
from dspipe.kernels.jit import entry, inline, jit, pointer

NEWLINE, SPACE, BLANK, PUNCTUATION, MARK, BOTH, UPPER, LOWER, NUMBER = range(9)
"""the classes, in an order by which each set of them is a range"""
MAX_NUMBERS = 3
SLASH = ord("/")


@inline
def _small_end(text, p, end, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    """The end of [LOWER BOTH] from p."""
    while True:
        kind, length = class_at(text, p, end, ascii, block_of, blocks)
        if kind != LOWER and kind != BOTH and kind != MARK:
            return p
        p += length


@inline
def _letters_end(text, start, end, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    """The end of the letters of a word from `start`; `start` where there is none."""
    p, past_both = start, np.int64(-1)
    while True:
        kind, length = class_at(text, p, end, ascii, block_of, blocks)
        if kind == LOWER:
            return _small_end(text, p + length, end, ascii, block_of, blocks)
        if kind < MARK or kind > UPPER:
            return past_both if past_both >= 0 else p
        p += length
        if kind != UPPER:
            past_both = p


@jit
def _punctuation_end(text, p, end, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    """The end of the punctuation and marks from p, and of the line ends and slashes after them."""
    while True:
        kind, length = class_at(text, p, end, ascii, block_of, blocks)
        if kind != PUNCTUATION and kind != MARK:
            break
        p += length
    while p < end and (text[p] == SLASH or class_at(text, p, end, ascii, block_of, blocks)[0] == NEWLINE):
        p += 1
    return p


@jit
def _blanks_end(text, start, end, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    """The end of the piece that begins with blanks which don't belong to what follows."""
    p = last = past_newline = start
    while True:
        kind, length = class_at(text, p, end, ascii, block_of, blocks)
        if kind > BLANK:
            break
        last = p
        p += length
        if kind == NEWLINE:
            past_newline = p
    if past_newline > start:
        return past_newline
    return last if kind != END and last > start else p


@jit
def _number_end(text, p, end, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    """The end of at most MAX_NUMBERS numbers from p."""
    for _ in range(MAX_NUMBERS):
        kind, length = class_at(text, p, end, ascii, block_of, blocks)
        if kind != NUMBER:
            break
        p += length
    return p


@inline
def _piece_end(text, start, end, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    kind, length = class_at(text, start, end, ascii, block_of, blocks)
    if kind == NUMBER:
        return _number_end(text, start, end, ascii, block_of, blocks)
    letters = start if kind >= MARK else start + length
    if kind != NEWLINE:
        p = _letters_end(text, letters, end, ascii, block_of, blocks)
        if p > letters:
            return contraction_end(text, p, end, True) if p < end and text[p] == APOSTROPHE else p
    if kind == PUNCTUATION:
        return _punctuation_end(text, letters, end, ascii, block_of, blocks)
    if kind == SPACE:
        after = class_at(text, letters, end, ascii, block_of, blocks)[0]
        if after == PUNCTUATION:
            return _punctuation_end(text, letters, end, ascii, block_of, blocks)
    return _blanks_end(text, start, end, ascii, block_of, blocks)


@entry("state", "ends")
def scan_case(
    text: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    classes: ClassTable,
    state: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
) -> int:
    """As kernels.bpe.pretokenize.scan_deepseek, for o200k_base."""
    data = pointer(text)
    ascii, block_of, blocks = pointer(classes.ascii), pointer(classes.block_of), pointer(classes.blocks)
    document, p, n = state[0], state[1], 0
    while document < len(offsets) - 1 and n < len(ends):
        end = offsets[document + 1]
        if p < end:
            p = _piece_end(data, p, end, ascii, block_of, blocks)
        else:
            document += 1
        ends[n] = p
        n += 1
    state[0], state[1] = document, p
    return n
