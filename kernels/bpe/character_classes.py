"""A class for every Unicode character, looked up straight from UTF-8.

A table of 1,114,112 classes is folded into blocks of 256 characters, of which few are distinct: 128 classes for ASCII,
an index of 4,352 blocks, and the blocks, some tens of KB in all, so that it stays in the cache of a core. What the
classes are is each scheme's own (tokenizer.scans); a byte holds one, where the flags of kernels.text take four.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.jit import inline, jit

CHARACTERS = 0x110000
END = 255
"""the class that lookups give past the end of the text"""


class ClassTable(NamedTuple):
    """The folded table: character c has class blocks[block_of[c >> 8] * 256 + (c & 255)].

    The functions of a scan take pointers to the arrays one by one: with a tuple of them it was 6 % slower.
    """

    ascii: npt.NDArray[np.uint8]
    block_of: npt.NDArray[np.uint16]
    blocks: npt.NDArray[np.uint8]


def class_table(classes: npt.NDArray[np.uint8]) -> ClassTable:
    """Fold a class for each of the CHARACTERS code points (uint8, none of them END)."""
    if classes.shape != (CHARACTERS,) or classes.max() == END:
        raise ValueError(f"needs {CHARACTERS} classes below {END}")
    blocks, index = np.unique(classes.reshape(-1, 256), axis=0, return_inverse=True)
    return ClassTable(classes[:128].copy(), index.astype(np.uint16).ravel(), blocks.ravel())


@inline
def decode(text, p):  # type: ignore[no-untyped-def]
    """The character at p of valid UTF-8 and its length in bytes. Unlike the decoder of kernels.dedup.units it checks
    nothing, which makes it faster: tokenizers are given Arrow strings, which are valid."""
    first = np.int64(text[p])
    if first < 0x80:
        return first, 1
    second = np.int64(text[p + 1]) & 63
    if first < 0xE0:
        return (first & 31) << 6 | second, 2
    third = np.int64(text[p + 2]) & 63
    if first < 0xF0:
        return (first & 15) << 12 | second << 6 | third, 3
    return (first & 7) << 18 | second << 12 | third << 6 | np.int64(text[p + 3]) & 63, 4


@jit
def _class_beyond_ascii(text, p, block_of, blocks):  # type: ignore[no-untyped-def]
    character, length = decode(text, p)
    return np.int64(blocks[np.int64(block_of[character >> 8]) << 8 | character & 255]), length


@inline
def class_at(text, p, end, ascii, block_of, blocks):  # type: ignore[no-untyped-def]
    """Class and length in bytes of the character at p; (END, 0) where p is not before `end`."""
    if p >= end:
        return END, 0
    first = text[p]
    if first < 0x80:
        return np.int64(ascii[first]), 1
    return _class_beyond_ascii(text, p, block_of, blocks)


@inline
def run_end(text, p, end, kind, ascii, block_of, blocks, mask=255):  # type: ignore[no-untyped-def]
    """Where the run of characters from p ends whose classes, masked, are `kind`."""
    while True:
        found, length = class_at(text, p, end, ascii, block_of, blocks)
        if found & mask != kind:
            return p
        p += length
