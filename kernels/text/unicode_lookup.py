"""A character's class, looked up straight from UTF-8 in the table of kernels/text/unicode_classes.py.

`classes` is the table as RawClasses. Nothing is read beyond `end`, and a byte that begins no character is one without
flags; unlike kernels.dedup.units, whose hashes must say what isn't UTF-8, it takes the bytes behind as they come.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.jit import inline, jit, pointer
from dspipe.kernels.text.unicode_classes import LETTER, LOWER, MARK, SPACE, UPPER, CharacterClasses


class RawClasses(NamedTuple):
    """Pointers to the arrays of CharacterClasses."""

    pages: npt.NDArray[np.uint32]
    flags: npt.NDArray[np.uint32]


@inline
def raw_classes(classes: CharacterClasses) -> RawClasses:
    """Pointers to the arrays; the caller keeps them alive."""
    return RawClasses(pointer(classes.pages), pointer(classes.flags))


@inline
def character(data, i, end, classes):  # type: ignore[no-untyped-def]
    """Flags and length in bytes of the character at data[i], i < end. Broken UTF-8 is a character without flags."""
    first = data[i]
    if first < 0x80:
        return np.int64(classes.flags[first]), 1
    return wide_character(data, i, end, classes)


@jit
def wide_character(data, i, end, classes):  # type: ignore[no-untyped-def]
    """`character` beyond ASCII."""
    first = data[i]
    length = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if first < 0xC0 or i + length > end:
        return np.int64(0), 1
    code = np.int64(first) & (0xFF >> (length + 1))
    for k in range(1, length):
        code = code << 6 | np.int64(data[i + k]) & 0x3F
    if code > 0x10FFFF:
        return np.int64(0), length
    return np.int64(classes.flags[np.int64(classes.pages[code >> 8]) + (code & 255)]), length


@jit
def character_before(data, i, start, classes):  # type: ignore[no-untyped-def]
    """Flags and length of the character that ends before data[i], i > start."""
    first = i - 1
    while first > start and data[first] & 0xC0 == 0x80 and i - first < 4:
        first -= 1
    kind, _ = character(data, first, i, classes)
    return kind, i - first


@jit
def letter_before(data, i, start, classes):  # type: ignore[no-untyped-def]
    """`character_before` without the marks on it: flags of the letter, and bytes with its marks. Marks alone are a
    letter without case."""
    kind, length = character_before(data, i, start, classes)
    while kind & MARK != 0:
        if i - length <= start:
            return np.int64(LETTER | UPPER | LOWER), length
        kind, more = character_before(data, i - length, start, classes)
        length += more
    return kind, length


@jit
def trim(data, start, end, classes):  # type: ignore[no-untyped-def]
    """Where data[start:end] begins and ends without the white space around it; (end, end) if there is nothing else."""
    while start < end:
        kind, length = character(data, start, end, classes)
        if kind & SPACE == 0:
            break
        start += length
    while end > start:
        kind, length = character_before(data, end, start, classes)
        if kind & SPACE == 0:
            break
        end -= length
    return start, end


@jit
def count_characters(data, start, end):  # type: ignore[no-untyped-def]
    """Code points in data[start:end]."""
    count = 0
    for i in range(start, end):
        count += data[i] & 0xC0 != 0x80
    return count
