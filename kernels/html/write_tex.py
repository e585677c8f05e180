"""Pieces of TeX written to a buffer of limited length: once there is no room, `at` is -1 and stays it."""

import numpy as np

from dspipe.kernels.html import tex_symbols as tx
from dspipe.kernels.html.entities import put_character
from dspipe.kernels.html.lookup import find, is_letter
from dspipe.kernels.jit import inline, jit

_TEXTS, _STARTS, _STYLES = tx.TEXTS, tx.TEXT_STARTS, tx.STYLE_TEXTS
_KEYS, _NUMBERS = tx.POINTS.keys, tx.POINTS.values
_NOTHING = tx.NOTHING
_LETTERS, _GREEK, _DIGITS, _DIGITS_END = 0x1D400, 0x1D6A4, 0x1D7CE, 0x1D800
_LONGEST_COMMAND = 24
_CLOSE = np.frombuffer(b"}", np.uint8)


@jit
def put(piece, out, at, limit):  # type: ignore[no-untyped-def]
    """Write a piece (uint8[:]): where the next goes, -1 where it would be behind out[limit]."""
    if at < 0 or at + len(piece) > limit:
        return np.int64(-1)
    for k in range(len(piece)):
        out[at + k] = piece[k]
    return at + len(piece)


@jit
def put_text(number, out, at, limit):  # type: ignore[no-untyped-def]
    """Write a text of tex_symbols by its number."""
    return put(_TEXTS[_STARTS[number] : _STARTS[number + 1]], out, at, limit)


@jit
def put_point(point, plain, out, at, limit):  # type: ignore[no-untyped-def]
    """Write a character of mathematics; `plain`: as it is."""
    if at < 0:
        return at
    number = np.int64(-1) if plain else find(_KEYS, _NUMBERS, np.uint64(point))
    if number >= 0:
        return put_text(number, out, at, limit)
    styled = not plain and _LETTERS <= point < _GREEK
    if styled:
        style, letter = (point - _LETTERS) // 52, (point - _LETTERS) % 52
        number = _STYLES[style]
        styled = _STARTS[number + 1] > _STARTS[number]
        at = put_text(number, out, at, limit)
        point = 65 + letter if letter < 26 else 71 + letter
    elif not plain and _DIGITS <= point < _DIGITS_END:
        point = 48 + (point - _DIGITS) % 10
    if at < 0 or at + 5 > limit:
        return np.int64(-1)
    if not plain and point < 128 and is_letter(np.uint8(point)) and _ends_in_command(out, at):
        out[at] = 32
        at += 1
    at = put_character(out, at, point)
    return put(_CLOSE, out, at, limit) if styled else at


@inline
def _ends_in_command(out, at):  # type: ignore[no-untyped-def]
    k = at
    while k > 0 and at - k < _LONGEST_COMMAND and is_letter(out[k - 1]):
        k -= 1
    return 0 < k < at and out[k - 1] == 92


@inline
def is_blank(point):  # type: ignore[no-untyped-def]
    """Whether a character is a space, no-break space or line break."""
    return point == 32 or 9 <= point <= 13 or point == 160


@inline
def is_nothing(point):  # type: ignore[no-untyped-def]
    """Whether a character isn't written: blanks, invisible operators, variation selectors."""
    return is_blank(point) or find(_KEYS, _NUMBERS, np.uint64(point)) == _NOTHING
