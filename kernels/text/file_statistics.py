"""What rules for source files look at: lines, their lengths, letters, and the text that an HTML file shows.

A line ends at a line feed, a carriage return, or both together; what stands behind the last one is a line if there is
anything. Lengths are in characters (code points), without line ends. Letters are Unicode's (categories L*), as
`str.isalpha` has them.

Shown of HTML is what stands outside of tags, comments, `script` and `style`: white space in a row counts as one
character and at both ends as none, a character reference (`&nbsp;`) as one.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.jit import entry, jit, pointer
from dspipe.kernels.text.unicode_classes import LETTER, SPACE, character_classes
from dspipe.kernels.text.unicode_lookup import character, raw_classes

CHARACTERS, LINES, LINE_CHARACTERS, LONGEST, LETTERS, SHOWN = range(6)
_LONGEST_REFERENCE = 32
_LONGEST_TAG = 1 << 20
"""bytes of a tag: quotes that don't end mustn't have the rest of the file read for each"""
# what a byte is to the scan of lines: no letter, a letter, a line end, the first byte beyond ASCII
_OTHER, _LETTER, _BREAK, _WIDE = range(4)
_KIND = np.zeros(256, np.uint8)
_KIND[[*range(65, 91), *range(97, 123)]] = _LETTER
_KIND[[10, 13]] = _BREAK
_KIND[128:] = _WIDE
# elements whose content isn't shown; compared in lower case
_HIDDEN = np.array([list(name.ljust(8, b"\0")) for name in (b"script", b"style")], np.uint8)
_HIDDEN_LENGTHS = np.array([6, 5], np.int64)


class FileStatistics(NamedTuple):
    """int64[documents] each."""

    characters: npt.NDArray[np.int64]
    lines: npt.NDArray[np.int64]
    line_characters: npt.NDArray[np.int64]
    """characters in lines, without their ends"""
    longest_line: npt.NDArray[np.int64]
    letters: npt.NDArray[np.int64]
    shown: npt.NDArray[np.int64]
    """characters that the HTML files among them show; 0 for others"""


def file_statistics(data: Bytes, offsets: Offsets, html: npt.NDArray[np.bool_]) -> FileStatistics:
    """The statistics of each row of a text column (see kernels.arrow.text_buffers); `html`: bool[documents]."""
    found = np.zeros((6, len(offsets) - 1), np.int64)
    if len(offsets) > 1:
        _measure(data, offsets, html, character_classes(), found)
    return FileStatistics(*found)


@entry("found")
def _measure(data, offsets, html, tables, found):  # type: ignore[no-untyped-def]
    classes, texts = raw_classes(tables), pointer(data)
    for row in range(len(offsets) - 1):
        start, end = offsets[row], offsets[row + 1]
        _scan_lines(texts, start, end, classes, found[:, row])
        if html[row]:
            found[SHOWN, row] = _count_shown(texts, start, end, classes)


@jit
def _scan_lines(texts, start, end, classes, found):  # type: ignore[no-untyped-def]
    characters, lines, in_lines, longest, letters, length, i = 0, 0, 0, 0, 0, 0, start
    while i < end:
        kind = _KIND[texts[i]]
        if kind == _BREAK:
            lines += 1
            in_lines += length
            longest = max(longest, length)
            characters += length + 1
            if texts[i] == 13 and i + 1 < end and texts[i + 1] == 10:
                characters += 1
                i += 1
            length = 0
            i += 1
        elif kind == _WIDE:
            flags, size = character(texts, i, end, classes)
            letters += flags & LETTER != 0
            length += 1
            i += size
        else:
            letters += kind == _LETTER
            length += 1
            i += 1
    if length:
        lines += 1
        in_lines += length
        longest = max(longest, length)
    found[CHARACTERS], found[LINES], found[LINE_CHARACTERS] = characters + length, lines, in_lines
    found[LONGEST], found[LETTERS] = longest, letters


@jit
def _count_shown(texts, start, end, classes):  # type: ignore[no-untyped-def]
    shown, space, i = 0, False, start
    while i < end:
        byte = texts[i]
        if byte == 60 and i + 1 < end and _begins_tag(texts[i + 1]):  # <
            i = _behind_tag(texts, i, end)
            continue
        flags, size = character(texts, i, end, classes)
        if flags & SPACE != 0:
            space = True
        else:
            shown += 1 + (space and shown > 0)
            space = False
            if byte == 38:  # &
                size = _reference_bytes(texts, i, end)
        i += size
    return shown


@jit
def _begins_tag(byte):  # type: ignore[no-untyped-def]
    """Whether what follows `<` makes it a tag, a comment or a declaration: a letter, / ! or ?"""
    return 97 <= byte | 0x20 <= 122 or byte == 47 or byte == 33 or byte == 63


@jit
def _behind_tag(texts, i, end):  # type: ignore[no-untyped-def]
    """Where what begins at the `<` of texts[i] ends: a comment at -->, script and style at their end tags, others
    at >."""
    if i + 3 < end and texts[i + 1] == 33 and texts[i + 2] == 45 and texts[i + 3] == 45:
        i += 4
        while i < end and not (texts[i] == 62 and texts[i - 1] == 45 and texts[i - 2] == 45):
            i += 1
        return min(end, i + 1)
    hidden = -1
    for name in range(2):
        if _is_named(texts, i + 1, end, name):
            hidden = name
    i = _behind_bracket(texts, i, end)
    if hidden < 0:
        return i
    while i < end:
        if texts[i] == 60 and i + 1 < end and texts[i + 1] == 47 and _is_named(texts, i + 2, end, hidden):
            return _behind_bracket(texts, i, end)
        i += 1
    return end


@jit
def _is_named(texts, i, end, name):  # type: ignore[no-untyped-def]
    """Whether the name of a tag at i is _HIDDEN[name]."""
    length = _HIDDEN_LENGTHS[name]
    if i + length >= end:
        return False
    for k in range(length):
        if texts[i + k] | 0x20 != _HIDDEN[name, k]:
            return False
    after = texts[i + length]
    return after <= 32 or after == 62 or after == 47


@jit
def _behind_bracket(texts, i, end):  # type: ignore[no-untyped-def]
    """Behind the next > that is in no quotes; without one, behind the next > at all."""
    quote, first, end = 0, -1, min(end, i + _LONGEST_TAG)
    for k in range(i, end):
        byte = texts[k]
        if byte == 62:  # >
            if quote == 0:
                return k + 1
            if first < 0:
                first = k + 1
        elif quote != 0:
            if byte == quote:
                quote = 0
        elif (byte == 34 or byte == 39) and k > i and texts[k - 1] == 61:  # =" ='
            quote = byte
    return first if first >= 0 else end


@jit
def _reference_bytes(texts, i, end):  # type: ignore[no-untyped-def]
    """Bytes of the character reference at the & of texts[i]; 1 if it is none."""
    for k in range(i + 1, min(end, i + _LONGEST_REFERENCE)):
        byte = texts[k]
        if byte == 59:  # ;
            return k + 1 - i if k > i + 1 else 1
        if not (97 <= byte | 0x20 <= 122 or 48 <= byte <= 57 or (byte == 35 and k == i + 1)):
            return 1
    return 1
