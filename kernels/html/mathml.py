r"""Presentation MathML to TeX: `<msup><mi>x</mi><mn>2</mn></msup>` is `x^{2}`.

Elements: math, mrow, mstyle, mpadded, merror, menclose, semantics, mi, mn, mo, mtext, ms, mspace, msup, msub, msubsup,
mfrac, msqrt, mroot, mover, munder, munderover, mfenced, mtable, mtr, mtd; annotations and mphantom are left out. What
isn't well-formed, has other elements (mmultiscripts, elementary arithmetic, HTML), is nested deeper than `DEEPEST`, is
longer than `LONGEST` or would be longer in TeX than it is in MathML, isn't written at all: it stays text.

Source: MathML Core and MathML 3, chapter 3 (presentation markup).
"""

import numpy as np

from dspipe.kernels.html import tex_symbols as tx
from dspipe.kernels.html.entities import read_entity
from dspipe.kernels.html.lookup import add_letter, find, is_letter, is_space, read_name
from dspipe.kernels.html.mathml_constructs import (
    ANNOTATION,
    COUNT,
    ELEMENTS,
    FRAME,
    IDENTIFIER,
    KIND,
    LIMITED,
    NAME,
    NUMBER,
    ONE,
    PHANTOM,
    SIGN,
    START,
    WORDS,
    attribute,
    begin_child,
    begin_construct,
    end_construct,
)
from dspipe.kernels.html.write_tex import is_blank, is_nothing, put, put_point, put_text
from dspipe.kernels.jit import inline, jit

DEEPEST = 64
LONGEST = 1 << 16
"""bytes of a formula's MathML: a byte is moved once for each of the elements around it at most"""

_KEYS, _KINDS = ELEMENTS.keys, ELEMENTS.values
_FUNCTION_KEYS, _FUNCTION_VALUES = tx.FUNCTION_NAMES.keys, tx.FUNCTION_NAMES.values
_VARIANT_KEYS, _VARIANT_NUMBERS = tx.VARIANT_TEXTS.keys, tx.VARIANT_TEXTS.values
_TEXT, _UPRIGHT, _BACKSLASH, _BLANK, _CLOSE, _MATHVARIANT = (
    np.frombuffer(text, np.uint8) for text in (rb"\text{", rb"\mathrm{", b"\\", b" ", b"}", b"mathvariant")
)


@jit
def write_tex(data, i, end, out):  # type: ignore[no-untyped-def]
    """Write the TeX of what is in a math element, data[i:end], to `out` (uint8, at least end - i): its length, -1 where
    there is none."""
    limit = end - i
    if limit > LONGEST:
        return np.int64(-1)
    frames, spare = np.zeros((DEEPEST, FRAME), np.int64), np.empty(limit, np.uint8)
    depth, skipped, at = 0, 0, np.int64(0)
    while i < end and at >= 0:
        if data[i] != 60:
            if not skipped and not is_space(data[i]):
                return np.int64(-1)
            i += 1
            continue
        if i + 3 < end and data[i + 1] == 33 and data[i + 2] == 45 and data[i + 3] == 45:
            i = _behind_comment(data, i + 4, end)
            continue
        closes = i + 1 < end and data[i + 1] == 47
        key, name_end = read_name(data, i + 2 if closes else i + 1, end)
        tag_end = name_end
        while tag_end < end and data[tag_end] != 62:
            tag_end += 1
        if tag_end == end:
            return np.int64(-1)
        i = tag_end + 1
        if not closes:
            kind = find(_KEYS, _KINDS, key)
            if depth + 1 == DEEPEST or (kind < 0 and not skipped):
                return np.int64(-1)
            if not skipped:
                at = begin_child(frames[depth], kind, out, at, limit)
            depth += 1
            frames[depth] = 0
            frames[depth, KIND], frames[depth, NAME], frames[depth, START] = kind, np.int64(key), at
            if skipped or kind in (ANNOTATION, PHANTOM):
                skipped = skipped or depth
            elif kind >= IDENTIFIER:
                i, at = _token(data, i, end, name_end, tag_end, frames[depth], out, at, limit)
            else:
                at = begin_construct(data, name_end, tag_end, frames[depth], out, at, limit)
        if closes or data[tag_end - 1] == 47:
            if depth == 0 or frames[depth, NAME] != np.int64(key):
                return np.int64(-1)
            if not skipped or skipped == depth:
                at = end_construct(frames[depth], frames[depth - 1], out, at, limit, spare)
                skipped = 0
            depth -= 1
    return at if depth == 0 and at > 0 else np.int64(-1)


@inline
def _behind_comment(data, i, end):  # type: ignore[no-untyped-def]
    while i + 2 < end and not (data[i] == 45 and data[i + 1] == 45 and data[i + 2] == 62):
        i += 1
    return min(i + 3, end)


@jit
def _token(data, i, end, name_end, tag_end, frame, out, at, limit):  # type: ignore[no-untyped-def]
    """Write the text of a token element, data[i:], up to the next tag: (where that is, at)."""
    if data[tag_end - 1] == 47:
        return i, at
    last = i
    while last < end and data[last] != 60:
        last += 1
    count, letters, name, point = 0, True, np.uint64(0), np.int64(0)
    j = i
    while j < last:
        found, j = _read_point(data, j, last)
        if not is_nothing(found):
            count += 1
            point = found
            letters &= point < 128 and is_letter(np.uint8(point))
            name = name * np.uint64(131) + np.uint64(point)
    if count == 0:
        return last, at
    words = frame[KIND] == WORDS
    is_name = letters and count > 1 and frame[KIND] != NUMBER
    is_function = is_name and find(_FUNCTION_KEYS, _FUNCTION_VALUES, name) >= 0
    variant = np.int64(-1) if words else _variant(data, name_end, tag_end)
    frame[SIGN], frame[COUNT] = point if count == 1 else ONE, 1
    if is_function:
        at = put(_BACKSLASH, out, at, limit)
        frame[SIGN] = LIMITED
    elif words:
        at = put(_TEXT, out, at, limit)
    elif variant >= 0:
        at = put_text(variant, out, at, limit)
    elif is_name:
        at = put(_UPRIGHT, out, at, limit)
    blank = False
    j = i
    while j < last and at >= 0:
        point, j = _read_point(data, j, last)
        if is_nothing(point):
            if words and is_blank(point) and not blank:
                at = put(_BLANK, out, at, limit)
            blank = is_blank(point)
        else:
            at = put_point(point, is_function or (words and point >= 128), out, at, limit)
            blank = False
    if not is_function and (words or variant >= 0 or is_name):
        at = put(_CLOSE, out, at, limit)
        frame[SIGN] = ONE
    return last, at


@jit
def _variant(data, i, end):  # type: ignore[no-untyped-def]
    """The number of the text that begins what has the mathvariant of a tag; -1 where it says nothing."""
    first, last = attribute(data, i, end, _MATHVARIANT)
    key = np.uint64(0)
    for k in range(first, last):
        key = add_letter(key, data[k])
    return find(_VARIANT_KEYS, _VARIANT_NUMBERS, key)


@inline
def _read_point(data, i, end):  # type: ignore[no-untyped-def]
    """The code point at data[i], and where the next one begins."""
    byte = np.int64(data[i])
    if byte == 38:
        point, behind = read_entity(data, i, end)
        return (point, behind) if point >= 0 else (np.int64(38), i + 1)
    more = int(byte >= 0xC0) + int(byte >= 0xE0) + int(byte >= 0xF0)
    if more == 0 or i + more >= end:
        return byte, i + 1
    point = byte & (0x3F >> more)
    for k in range(1, more + 1):
        point = point << 6 | (np.int64(data[i + k]) & 63)
    return point, i + 1 + more
