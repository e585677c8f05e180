# ruff: noqa: SIM109 - comparisons one by one; a tuple's membership test made the scan a third slower
"""The `deepseek` pre-tokenizer as one left-to-right scan over character classes.

It equals the regular expression that tokenizer.schemes exports, alternative by alternative:

    NEWLINE+                    line ends
    BLANK? LETTER+              a word with the blank before it
    BLANK? PUNCTUATION+         punctuation and symbols, likewise
    CJK+                        Han, kana and bopomofo
    NUMBER                      each digit by itself
    BLANK+ before BLANK and LETTER or PUNCTUATION, else BLANK+
    OTHER+                      controls, formats, private use

A scan writes the end of each piece; a document is followed by one more end at the same place, a piece of no bytes.
So what reads the ends needs no offsets, and documents of no bytes are seen too.
"""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.bpe.character_classes import ClassTable, class_at, run_end
from dspipe.kernels.jit import entry, inline, jit, pointer

NEWLINE, BLANK, LETTER, PUNCTUATION, CJK, NUMBER, OTHER = range(7)


@jit
def _blanks_end(text, p, end, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    """The end of the piece that begins with two blanks or more at p."""
    last = p
    while True:
        found, length = class_at(text, p, end, ascii, block_of, blocks)
        if found != BLANK:
            return last if found == LETTER or found == PUNCTUATION else p
        last = p
        p += length


@inline
def _piece_end(text, start, end, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    kind, length = class_at(text, start, end, ascii, block_of, blocks)
    p = start + length
    if kind == NUMBER:
        return p
    if kind == BLANK:
        kind, length = class_at(text, p, end, ascii, block_of, blocks)
        if kind == BLANK:
            return _blanks_end(text, start, end, ascii, block_of, blocks)
        if kind != LETTER and kind != PUNCTUATION:
            return p
        p += length
    return run_end(text, p, end, kind, ascii, block_of, blocks)


@entry("state", "ends")
def scan_deepseek(
    text: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    classes: ClassTable,
    state: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
) -> int:
    """Write the next ends of pieces of the documents text[offsets[i]:offsets[i + 1]], which are valid UTF-8.

    state: document and position, (0, offsets[0]) at first; carried on from call to call. Returns the number of ends
    written, at most len(ends); 0 when all documents are done.
    """
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
