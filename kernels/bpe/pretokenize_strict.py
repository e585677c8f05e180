# ruff: noqa: SIM109 - comparisons one by one; a tuple's membership test made the scan a third slower
"""The `deepseek_strict` pre-tokenizer, which is that of DeepSeek LLM, as one left-to-right scan.

The original is a sequence of seven steps, each of which splits again what those before it have cut:

    1  [\\r\\n], each by itself
    2  \\s?[letters of scripts with case]+
    3  \\s?[!-/ :-~ and their full-width forms, curly quotes, ideographic space, comma and full stop]+
    4  \\s+$, blanks at the end of what is left of a line
    5  [U+0800 to U+9FA5, U+AC00 to U+D7FF]+
    6  each number by itself
    7  bytes

Sets overlap: step 3 holds A-Z and a-z (`:-~`), step 5 holds curly quotes, Vietnamese letters and most blanks. One scan
over 12 classes, the parts of those sets, gives the same pieces with a look at the next character or two, and for blanks
at what follows their run. Every look-ahead over a run is made once, so that time is linear in the text.
"""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.bpe.character_classes import ClassTable, class_at, run_end
from dspipe.kernels.jit import entry, inline, jit, pointer

(
    NEWLINE,
    NUMBER,
    LETTER_IN_3,  # in steps 2 and 3: A-Z, a-z and their full-width forms
    LETTER,  # in step 2 alone
    LETTER_IN_5,  # in steps 2 and 5
    PUNCTUATION,  # in step 3 alone
    PUNCTUATION_IN_5,  # in steps 3 and 5
    BLANK_IN_3,  # the ideographic space: \s, and in steps 3 and 5
    BLANK,
    BLANK_IN_5,
    CJK,  # in step 5 alone
    OTHER,
) = range(12)


@inline
def _is_letter(kind):  # type: ignore[no-untyped-def]
    return kind == LETTER_IN_3 or kind == LETTER or kind == LETTER_IN_5


@inline
def _is_punctuation(kind):  # type: ignore[no-untyped-def]
    return kind == PUNCTUATION or kind == PUNCTUATION_IN_5


@jit
def _blanks_are_last(text, p, end, ascii, block_of, blocks, seen):  # type: ignore[no-untyped-def]
    """Whether what follows the run of blanks around p begins a piece of an earlier step, so that step 4 takes the run.

    seen: end of the run looked at last and the answer, since each of its blanks may ask."""
    if p < seen[0]:
        return seen[1] != 0
    while True:
        kind, length = class_at(text, p, end, ascii, block_of, blocks)
        if kind != BLANK and kind != BLANK_IN_5:
            last = kind != NUMBER and kind != CJK and kind != OTHER
            seen[0], seen[1] = p, 1 if last else 0
            return last
        p += length


@jit
def _punctuation_end(text, p, end, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    """The end of PUNCTUATION_IN_5 from p, with ideographic spaces where punctuation follows them."""
    while True:
        kind, length = class_at(text, p, end, ascii, block_of, blocks)
        if kind == PUNCTUATION_IN_5:
            p += length
        elif kind == BLANK_IN_3:
            after = run_end(text, p, end, BLANK_IN_3, ascii, block_of, blocks)
            if not _is_punctuation(class_at(text, after, end, ascii, block_of, blocks)[0]):
                return p
            p = after
        else:
            return p


@jit
def _ideographic_spaces_end(text, p, end, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    """The end of the ideographic spaces from p, less one that belongs to a following word."""
    while True:
        kind, length = class_at(text, p, end, ascii, block_of, blocks)
        if kind != BLANK_IN_3 or _is_letter(class_at(text, p + length, end, ascii, block_of, blocks)[0]):
            return p
        p += length


@inline
def _ideographic_end(text, start, p, end, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    """The end of a piece whose ideographic spaces begin at `start` and go on at p; no letter follows the first."""
    after = run_end(text, p, end, BLANK_IN_3, ascii, block_of, blocks)
    if _is_punctuation(class_at(text, after, end, ascii, block_of, blocks)[0]):
        return _punctuation_end(text, start, end, ascii, block_of, blocks)
    return _ideographic_spaces_end(text, p, end, ascii, block_of, blocks)


@jit
def _other_end(text, p, end, ascii, block_of, blocks, seen):  # type: ignore[no-untyped-def]
    """The end of OTHER from p, with blanks that no other step takes."""
    while True:
        kind, length = class_at(text, p, end, ascii, block_of, blocks)
        if kind == OTHER:
            p += length
        elif kind == BLANK and not _blanks_are_last(text, p, end, ascii, block_of, blocks, seen):
            p = run_end(text, p, end, BLANK, ascii, block_of, blocks)
        else:
            return p


@jit
def _cjk_end(text, p, end, ascii, block_of, blocks, seen):  # type: ignore[no-untyped-def]
    """The end of CJK from p, with blanks of step 5 that no other step takes."""
    while True:
        kind, length = class_at(text, p, end, ascii, block_of, blocks)
        if kind == CJK or (kind == BLANK_IN_5 and not _blanks_are_last(text, p, end, ascii, block_of, blocks, seen)):
            p += length
        else:
            return p


@jit
def _blanks_end(text, start, kind, first, end, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    """The end of the blanks of class `kind` from `start`, less one that belongs to a following word; at least `first`,
    the end of one blank."""
    p = start
    while True:
        found, length = class_at(text, p, end, ascii, block_of, blocks)
        if found != kind:
            break
        after, after_length = class_at(text, p + length, end, ascii, block_of, blocks)
        if _is_letter(after) or _is_punctuation(after):
            break
        if after == BLANK_IN_3:
            second = class_at(text, p + length + after_length, end, ascii, block_of, blocks)[0]
            if not _is_letter(second):
                break
        p += length
    return first if p == start else p


@jit
def _piece_end(text, start, end, ascii, block_of, blocks, seen):  # type: ignore[no-untyped-def]
    kind, length = class_at(text, start, end, ascii, block_of, blocks)
    p = start + length
    if kind == LETTER_IN_3 or kind == LETTER or kind == LETTER_IN_5 or kind == PUNCTUATION:
        return run_end(text, p, end, kind, ascii, block_of, blocks)
    if kind == NEWLINE or kind == NUMBER:
        return p
    if kind == OTHER:
        return _other_end(text, p, end, ascii, block_of, blocks, seen)
    if kind == CJK:
        return _cjk_end(text, p, end, ascii, block_of, blocks, seen)
    if kind == PUNCTUATION_IN_5:
        return _punctuation_end(text, p, end, ascii, block_of, blocks)
    after, length = class_at(text, p, end, ascii, block_of, blocks)
    past = p + length
    if kind == BLANK_IN_3:
        return p if _is_letter(after) else _ideographic_end(text, start, p, end, ascii, block_of, blocks)
    if kind == BLANK:
        if after == LETTER_IN_3 or after == LETTER or after == PUNCTUATION:
            return run_end(text, past, end, after, ascii, block_of, blocks)
        if after == LETTER_IN_5 or after == PUNCTUATION_IN_5 or after == BLANK_IN_3:
            return p
        if _blanks_are_last(text, p, end, ascii, block_of, blocks, seen):
            return _blanks_end(text, start, BLANK, p, end, ascii, block_of, blocks)
        return _other_end(text, start, end, ascii, block_of, blocks, seen)
    if after == LETTER_IN_5:
        return run_end(text, past, end, LETTER_IN_5, ascii, block_of, blocks)
    if after == LETTER_IN_3 or after == LETTER or after == PUNCTUATION:
        return p
    if after == PUNCTUATION_IN_5:
        return _punctuation_end(text, p, end, ascii, block_of, blocks)
    if after == BLANK_IN_3:
        if _is_letter(class_at(text, past, end, ascii, block_of, blocks)[0]):
            return _blanks_end(text, start, BLANK_IN_5, p, end, ascii, block_of, blocks)
        return _ideographic_end(text, p, past, end, ascii, block_of, blocks)
    if _blanks_are_last(text, p, end, ascii, block_of, blocks, seen):
        return _blanks_end(text, start, BLANK_IN_5, p, end, ascii, block_of, blocks)
    return _cjk_end(text, start, end, ascii, block_of, blocks, seen)


@entry("state", "ends")
def scan_deepseek_strict(
    text: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    classes: ClassTable,
    state: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
) -> int:
    """As kernels.bpe.pretokenize.scan_deepseek, for the strict scheme."""
    data = pointer(text)
    ascii, block_of, blocks = pointer(classes.ascii), pointer(classes.block_of), pointer(classes.blocks)
    seen = np.zeros(2, np.int64)
    document, p, n = state[0], state[1], 0
    while document < len(offsets) - 1 and n < len(ends):
        end = offsets[document + 1]
        if p < end:
            p = _piece_end(data, p, end, ascii, block_of, blocks, seen)
        else:
            document += 1
        ends[n] = p
        n += 1
    state[0], state[1] = document, p
    return n
