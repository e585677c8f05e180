"""Where a run of CJK can be cut without changing its tokens.

A merge across the border of two characters makes a token that spans this border. Where the vocabulary has no such
token, no merge can cross: the run may be cut there, and both sides looked up by themselves. With 100,000
tokens, the runs of 32 MB of Chinese text, 6.9 characters long on average, become pieces of 1.3, nearly all of which
are in a cache of pieces seen.

Tokens that hold a part of a character are told from those that hold whole ones only: where only the latter span a
character's borders, its own bytes merge as if it stood alone (kernels.bpe.merge).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.bpe.character_classes import decode
from dspipe.kernels.hashing import GOLDEN
from dspipe.kernels.jit import entry, inline, pointer

U64, I64 = np.uint64, np.int64


class Joins(NamedTuple):
    """Bit sets of the borders that some token spans; a set bit may be a collision, a clear one is certain.

    whole   uint64[65536]   hashed pairs of whole characters within a token
    left    uint64[1024]    hashed: a whole character within a token, and the first byte of a part that follows it
    right   uint64[1024]    hashed: the last byte of a part that a token begins with, and the whole character after it
    parts   uint64[1024]    last byte << 8 | first byte, where a token has a part of a character on either side
    """

    whole: npt.NDArray[np.uint64]
    left: npt.NDArray[np.uint64]
    right: npt.NDArray[np.uint64]
    parts: npt.NDArray[np.uint64]


class RawJoins(NamedTuple):
    """Pointers to the arrays of Joins."""

    whole: npt.NDArray[np.uint64]
    left: npt.NDArray[np.uint64]
    right: npt.NDArray[np.uint64]
    parts: npt.NDArray[np.uint64]


def joins_of(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> Joins:
    """The borders that the tokens data[offsets[i]:offsets[i + 1]] span; tokens are any bytes."""
    joins = Joins(*(np.zeros(size, np.uint64) for size in (1 << 16, 1 << 10, 1 << 10, 1 << 10)))
    _mark(data, offsets, joins)
    return joins


@inline
def raw_joins(joins: Joins) -> RawJoins:
    """Pointers to the arrays; the caller keeps them alive."""
    return RawJoins(pointer(joins.whole), pointer(joins.left), pointer(joins.right), pointer(joins.parts))


@inline
def _whole_bit(left, right):  # type: ignore[no-untyped-def]
    return (U64(left) << U64(21) | U64(right)) * GOLDEN >> U64(42)


@inline
def _part_bit(character, byte):  # type: ignore[no-untyped-def]
    return (U64(character) << U64(8) | U64(byte)) * GOLDEN >> U64(48)


@inline
def _has(bits, i):  # type: ignore[no-untyped-def]
    return bits[i >> U64(6)] >> (i & U64(63)) & U64(1) != U64(0)


@inline
def _set(bits, i):  # type: ignore[no-untyped-def]
    bits[i >> U64(6)] |= U64(1) << (i & U64(63))


@inline
def part_may_join(joins, left, right, last, first):  # type: ignore[no-untyped-def]
    """Whether a token that holds only a part of one of two neighbours may span their border; `last` and `first` are
    the bytes there."""
    return (
        _has(joins.left, _part_bit(left, first))
        or _has(joins.right, _part_bit(right, last))
        or _has(joins.parts, U64(last) << U64(8) | U64(first))
    )


@inline
def may_join(joins, left, right, last, first):  # type: ignore[no-untyped-def]
    """Whether any token may span the border between two characters, of which `last` and `first` are the bytes there."""
    return _has(joins.whole, _whole_bit(left, right)) or part_may_join(joins, left, right, last, first)


@inline
def _length(first):  # type: ignore[no-untyped-def]
    return 1 if first < 0x80 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4


@entry("joins")
def _mark(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], joins: Joins) -> None:
    for token in range(len(offsets) - 1):
        start, end = offsets[token], offsets[token + 1]
        left = I64(-1)  # the character before the border, -1 where the token has only a part of it
        p = start
        while p < end and data[p] & 0xC0 == 0x80:
            p += 1
        while p < end:
            length = _length(I64(data[p]))
            whole = p + length <= end
            right = decode(data, p)[0] if whole else I64(-1)
            if p > start:
                if left >= 0 and whole:
                    _set(joins.whole, _whole_bit(left, right))
                elif left >= 0:
                    _set(joins.left, _part_bit(left, data[p]))
                elif whole:
                    _set(joins.right, _part_bit(right, data[p - 1]))
                else:
                    _set(joins.parts, U64(data[p - 1]) << U64(8) | U64(data[p]))
            left = right
            p += 1
            while p < end and data[p] & 0xC0 == 0x80:
                p += 1
