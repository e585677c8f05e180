"""The constructs of MathML in TeX: fractions, roots, scripts, what stands above and below, tables.

A construct is put together when its element ends, from where each of its children begins in what is written. What a
child is decides about braces and accents: `SIGN` is its character, or one of `MANY`, `ONE` and `LIMITED`.
"""

import numpy as np

from dspipe.kernels.html import tex_symbols as tx
from dspipe.kernels.html.attributes import is_value, read_value
from dspipe.kernels.html.lookup import find, is_space, make_lookup, name_key
from dspipe.kernels.html.write_tex import put, put_point, put_text
from dspipe.kernels.jit import inline, jit

_OF_KIND = (
    "math mrow mstyle mpadded merror menclose semantics", "msup", "msub", "msubsup", "mfrac", "msqrt", "mroot", "mover",
    "munder", "munderover", "mtable", "mtr", "mtd", "mfenced", "mspace", "annotation annotation-xml", "mphantom", "mi",
    "mn", "mo", "mtext ms",
)  # fmt: skip
ELEMENTS = make_lookup((name_key(name), kind) for kind, names in enumerate(_OF_KIND) for name in names.split())
(_GROUP, _SUP, _SUB, _SUBSUP, _FRAC, _SQRT, _ROOT, _OVER, _UNDER, _UNDEROVER, _TABLE, _ROW, _CELL, _FENCED) = range(14)
_SPACE, ANNOTATION, PHANTOM, IDENTIFIER, NUMBER, _OPERATOR, WORDS = range(14, 21)

# what is known of an open element, int64; of each of its first three children where it begins and what it is
KIND, NAME, START, COUNT, _DETAIL, _BEGIN, SIGN = 0, 1, 2, 3, 4, 5, 8
FRAME = 11
MANY, ONE, LIMITED = -1, -2, -3
"""What isn't a single character: several things, one thing, what has its limits as subscript and superscript."""
_POINT_BITS = 21
_PRIME, _DOUBLE_PRIME, _APOSTROPHE = 0x2032, 0x2033, 39
_BRACES = (0x23DE, 0x23DF, 0xFE37, 0xFE38)

_LIMIT_KEYS, _LIMIT_VALUES = tx.LIMITS.keys, tx.LIMITS.values
_OVER_KEYS, _OVER_TEXTS = tx.ABOVE.keys, tx.ABOVE.values
_WIDE_KEYS, _WIDE_TEXTS = tx.ABOVE_WIDE.keys, tx.ABOVE_WIDE.values
_UNDER_KEYS, _UNDER_TEXTS = tx.UNDER.keys, tx.UNDER.values
(
    _FRACTION, _BETWEEN, _CLOSE, _ROOT_SIGN, _ATOP, _OPEN, _SUPERSCRIPT, _SUBSCRIPT, _INDEX, _INDEXED, _ABOVE, _BELOW,
    _MATRIX, _END_MATRIX, _NEXT_ROW, _NEXT_CELL, _BLANK, _QUOTE, _OPENS, _CLOSES, _SEPARATORS, _THICKNESS,
) = (
    np.frombuffer(text, np.uint8)
    for text in (
        rb"\frac{", b"}{", b"}", rb"\sqrt{", rb" \atop ", b"{", b"^{", b"_{", rb"\sqrt[", b"]{", rb"\overset{",
        rb"\underset{", rb"\begin{matrix} ", rb" \end{matrix}", rb" \\ ", b" & ", b" ", b"'", b"open", b"close",
        b"separators", b"linethickness",
    )
)  # fmt: skip


@jit
def begin_child(frame, kind, out, at, limit):  # type: ignore[no-untyped-def]
    """Note that a child of a kind begins, and write what stands before it; -1 where it can't stand there."""
    parent, count = frame[KIND], frame[COUNT]
    if (parent == _TABLE) != (kind == _ROW) or (parent == _ROW) != (kind == _CELL):
        return np.int64(-1)
    if count > 0 and kind != ANNOTATION:
        if parent == _TABLE:
            at = put(_NEXT_ROW, out, at, limit)
        elif parent == _ROW:
            at = put(_NEXT_CELL, out, at, limit)
        elif parent == _FENCED and frame[_DETAIL] >> (2 * _POINT_BITS):
            at = put_point(frame[_DETAIL] >> (2 * _POINT_BITS), False, out, at, limit)
    if count < 3:
        frame[_BEGIN + count] = at
    return at


@jit
def begin_construct(data, i, end, frame, out, at, limit):  # type: ignore[no-untyped-def]
    """Write what stands before the first child of an element, whose tag has the attributes data[i:end]."""
    kind = frame[KIND]
    if kind == _SQRT:
        at = put(_ROOT_SIGN, out, at, limit)
    elif kind == _TABLE:
        at = put(_MATRIX, out, at, limit)
    elif kind == _FRAC:
        first, last = attribute(data, i, end, _THICKNESS)
        frame[_DETAIL] = last > first and data[first] == 48 and (last == first + 1 or data[first + 1] != 46)
    elif kind == _FENCED:
        opens, closes = _fence(data, i, end, _OPENS, 40), _fence(data, i, end, _CLOSES, 41)
        comma = _fence(data, i, end, _SEPARATORS, 44)
        frame[_DETAIL] = comma << (2 * _POINT_BITS) | closes << _POINT_BITS
        if opens:
            at = put_point(opens, False, out, at, limit)
    return at


@jit
def end_construct(frame, parent, out, at, limit, spare):  # type: ignore[no-untyped-def]
    """Put an element together from its children, and note what it is in its parent. `spare`: uint8[limit]."""
    kind, sign, count = frame[KIND], np.int64(MANY), frame[COUNT]
    if kind == ANNOTATION:
        return frame[START]
    if at < 0 or _children(kind) not in (0, count):
        return np.int64(-1)
    if kind == _GROUP or kind >= IDENTIFIER:
        sign = frame[SIGN] if count == 1 else np.int64(MANY)
    elif kind == PHANTOM:
        at = frame[START]
    elif kind == _SPACE:
        at = put(_BLANK, out, at, limit)
    elif kind == _SQRT:
        at, sign = put(_CLOSE, out, at, limit), np.int64(ONE)
    elif kind == _TABLE:
        at, sign = put(_END_MATRIX, out, at, limit), np.int64(ONE)
    elif kind == _FENCED:
        closes = (frame[_DETAIL] >> _POINT_BITS) & ((1 << _POINT_BITS) - 1)
        at = put_point(closes, False, out, at, limit) if closes else at
    elif kind < _TABLE:
        at, sign = _compose(frame, out, at, limit, spare)
    if parent[COUNT] < 3:
        parent[SIGN + parent[COUNT]] = sign
    parent[COUNT] += 1
    return at


@inline
def _children(kind):  # type: ignore[no-untyped-def]
    """How many children an element must have; 0: any number."""
    if kind in (_SUBSUP, _UNDEROVER):
        return 3
    return 2 if kind in (_SUP, _SUB, _FRAC, _ROOT, _OVER, _UNDER) else 0


@jit
def _compose(frame, out, at, limit, spare):  # type: ignore[no-untyped-def]
    kind, start, detail = frame[KIND], frame[START], frame[_DETAIL]
    for k in range(start, at):
        spare[k] = out[k]
    begin1, begin2 = frame[_BEGIN + 1], frame[_BEGIN + 2]
    base, first = spare[start:begin1], spare[begin1 : begin2 if frame[COUNT] == 3 else at]
    second = spare[begin2:at] if frame[COUNT] == 3 else spare[at:at]
    sign, sign1, at = frame[SIGN], frame[SIGN + 1], start
    if kind == _FRAC:
        at = _put_three(_OPEN if detail else _FRACTION, base, _ATOP if detail else _BETWEEN, out, at, limit)
        return _put_two(first, _CLOSE, out, at, limit), np.int64(ONE)
    if kind == _ROOT:
        at = _put_three(_INDEX, first, _INDEXED, out, at, limit)
        return _put_two(base, _CLOSE, out, at, limit), np.int64(ONE)
    limited = sign == LIMITED or (sign >= 0 and find(_LIMIT_KEYS, _LIMIT_VALUES, np.uint64(sign)) >= 0)
    if kind in (_OVER, _UNDER) and sign1 >= 0:
        accent = _accent(kind, sign1, sign)
        if accent >= 0:
            at = put_text(accent, out, at, limit)
            at = _put_three(_OPEN, base, _CLOSE, out, at, limit)
            return at, np.int64(LIMITED if sign1 in _BRACES else ONE)
    if kind >= _OVER and not limited:
        if kind == _UNDEROVER:
            at = _put_three(_ABOVE, second, _BETWEEN, out, at, limit)
        at = _put_three(_ABOVE if kind == _OVER else _BELOW, first, _BETWEEN, out, at, limit)
        at = _put_two(base, _CLOSE, out, at, limit)
        return put(_CLOSE, out, at, limit) if kind == _UNDEROVER else at, np.int64(ONE)
    at = _put_three(_OPEN, base, _CLOSE, out, at, limit) if sign == MANY else put(base, out, at, limit)
    if kind == _SUP and sign1 in (_PRIME, _DOUBLE_PRIME, _APOSTROPHE):
        at = put(_QUOTE, out, at, limit)
        return put(_QUOTE, out, at, limit) if sign1 == _DOUBLE_PRIME else at, np.int64(MANY)
    at = _put_three(_SUPERSCRIPT if kind in (_SUP, _OVER) else _SUBSCRIPT, first, _CLOSE, out, at, limit)
    if kind in (_SUBSUP, _UNDEROVER):
        at = _put_three(_SUPERSCRIPT, second, _CLOSE, out, at, limit)
    return at, np.int64(MANY)


@inline
def _accent(kind, sign, base):  # type: ignore[no-untyped-def]
    """The number of the command for a sign above or below a base; -1 where there is none."""
    if kind == _UNDER:
        return find(_UNDER_KEYS, _UNDER_TEXTS, np.uint64(sign))
    if base >= 0:
        return find(_OVER_KEYS, _OVER_TEXTS, np.uint64(sign))
    return find(_WIDE_KEYS, _WIDE_TEXTS, np.uint64(sign))


@inline
def _put_two(first, second, out, at, limit):  # type: ignore[no-untyped-def]
    return put(second, out, put(_trimmed(first), out, at, limit), limit)


@inline
def _put_three(before, piece, behind, out, at, limit):  # type: ignore[no-untyped-def]
    return _put_two(piece, behind, out, put(before, out, at, limit), limit)


@inline
def _trimmed(piece):  # type: ignore[no-untyped-def]
    return piece[1:] if len(piece) > 0 and piece[0] == 32 else piece


@jit
def attribute(data, i, end, name):  # type: ignore[no-untyped-def]
    """Where the value of an attribute stands in data[i:end]: (first, last); (-1, -1) where there is none."""
    while i + len(name) < end:
        if is_space(data[i]) and is_value(data, i + 1, end, name):
            name_end = i + 1 + len(name)
            behind, first, last = read_value(data, name_end, end)
            if behind > name_end:
                return first, last
        i += 1
    return np.int64(-1), np.int64(-1)


@inline
def _fence(data, i, end, name, default):  # type: ignore[no-untyped-def]
    """The first character of an attribute in ASCII; the default where there is none, 0 where it is empty."""
    first, last = attribute(data, i, end, name)
    if first < 0:
        return np.int64(default)
    return np.int64(data[first]) if last > first and data[first] < 128 and data[first] > 32 else np.int64(0)
