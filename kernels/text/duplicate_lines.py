"""Duplicate lines and paragraphs of a document, by hash: Gopher's (lines between runs of line feeds) and FineWeb's
(lines with text).

A paragraph is what stands between empty lines, within the text without the white space around it; it is hashed by the
hashes of its lines.
"""

import numpy as np

from dspipe.kernels.hashing import extend_ngram, hash_line
from dspipe.kernels.jit import inline, jit
from dspipe.kernels.text.unicode_lookup import count_characters

LINE_WINDOW = 1 << 18
"""Lines of a document, and paragraphs among them, that are compared."""

# what is counted over the lines of a document; int64 each
(
    LINES, DUPLICATE_LINES, DUPLICATE_LINE_CHARACTERS, DUPLICATE_TEXT_CHARACTERS, COVERED, PARAGRAPHS,
    DUPLICATE_PARAGRAPHS, DUPLICATE_PARAGRAPH_CHARACTERS, PARAGRAPH_CHARACTERS,
) = range(9)  # fmt: skip
REPEATS = 9
"""LINES: not empty; DUPLICATE_TEXT_CHARACTERS: in duplicate lines that are not white space alone; COVERED: characters
of the lines that were compared, and the ends of all lines; PARAGRAPH_CHARACTERS: of the paragraph under way."""


@inline
def add_line(  # type: ignore[no-untyped-def]
    data, start, stop, characters, has_text, body, body_end, keys, mask, paragraph, repeats,
):  # fmt: skip
    """Count the line data[start:stop]; data[body:body_end] is the text without white space around it.

    keys: uint64, the set of lines; paragraph: the hash of the paragraph so far; returns it with this line.
    """
    if stop == start or repeats[LINES] >= LINE_WINDOW:
        return paragraph
    value = hash_line(data, start, stop)
    repeats[LINES] += 1
    repeats[COVERED] += characters
    if _add(keys, mask, value):
        repeats[DUPLICATE_LINES] += 1
        repeats[DUPLICATE_LINE_CHARACTERS] += characters
        repeats[DUPLICATE_TEXT_CHARACTERS] += characters if has_text else 0
    low, high = max(start, body), min(stop, body_end)
    if low < high:
        repeats[PARAGRAPH_CHARACTERS] += 1 + characters
        if low != start or high != stop:
            value = hash_line(data, low, high)
            repeats[PARAGRAPH_CHARACTERS] += count_characters(data, low, high) - characters
        paragraph = extend_ngram(paragraph, value)
    return paragraph


@jit
def end_paragraph(keys, mask, paragraph, repeats):  # type: ignore[no-untyped-def]
    """Count the paragraph under way. keys: uint64, the set of paragraphs. Returns the hash of the next one so far."""
    repeats[PARAGRAPHS] += 1
    if _add(keys, mask, paragraph | np.uint64(1)):
        repeats[DUPLICATE_PARAGRAPHS] += 1
        repeats[DUPLICATE_PARAGRAPH_CHARACTERS] += repeats[PARAGRAPH_CHARACTERS] - 1
    repeats[PARAGRAPH_CHARACTERS] = 0
    return np.uint64(0)


@jit
def _add(keys, mask, value):  # type: ignore[no-untyped-def]
    """Put the value into the set; returns whether it held it before."""
    slot = value & mask
    while keys[slot] != np.uint64(0):
        if keys[slot] == value:
            return True
        slot = (slot + np.uint64(1)) & mask
    keys[slot] = value
    return False
