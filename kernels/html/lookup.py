"""Small tables from names to numbers, and the bytes of names, as the kernels of this folder use them."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dspipe.kernels.jit import inline, jit

_SPREAD = 0x9E3779B97F4A7C15
MASK_64 = 0xFFFFFFFFFFFFFFFF


class Lookup(NamedTuple):
    """An open-addressing table. keys: uint64[2^k], 0 where free; values: int32[2^k]."""

    keys: npt.NDArray[np.uint64]
    values: npt.NDArray[np.int32]


def name_key(name: str) -> int:
    """The key of a name in ASCII: of one in lower case what `add_letter` makes of its bytes, one after the other."""
    key = 0
    for letter in name.encode("ascii"):
        key = (key * 131 + letter) & MASK_64
    return key


def make_lookup(pairs: Iterable[tuple[int, int]]) -> Lookup:
    """The table of (key, value); at most half full. Raises ValueError where a key is 0 or comes twice."""
    given = list(pairs)
    size = 16
    while size < 2 * len(given):
        size *= 2
    keys, values = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    for key, value in given:
        slot = ((key * _SPREAD) & MASK_64) % size
        while keys[slot]:
            if keys[slot] == key:
                raise ValueError(f"two names have the key {key}")
            slot = (slot + 1) % size
        if not key:
            raise ValueError("a name has the key 0")
        keys[slot], values[slot] = key, value
    return Lookup(keys, values)


@jit
def find(keys, values, key):  # type: ignore[no-untyped-def]
    """The value of a key (uint64), -1 where the table doesn't have it."""
    mask = np.uint64(len(keys) - 1)
    slot = (key * np.uint64(_SPREAD)) & mask
    while keys[slot] != 0:
        if keys[slot] == key:
            return np.int64(values[slot])
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1)


@inline
def add_letter(key, byte):  # type: ignore[no-untyped-def]
    """The key of a name with one more byte, in lower case."""
    return key * np.uint64(131) + np.uint64(lower(byte))


@inline
def lower(byte):  # type: ignore[no-untyped-def]
    """An ASCII letter in lower case; any other byte as it is."""
    return byte | np.uint8(32) if 65 <= byte <= 90 else byte


@inline
def is_letter(byte):  # type: ignore[no-untyped-def]
    """Whether the byte is an ASCII letter."""
    return 65 <= byte <= 90 or 97 <= byte <= 122


@inline
def is_alphanumeric(byte):  # type: ignore[no-untyped-def]
    """Whether the byte is an ASCII letter or digit."""
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122


@inline
def is_space(byte):  # type: ignore[no-untyped-def]
    """Whether HTML takes the byte for white space."""
    return byte == 32 or 9 <= byte <= 13


@inline
def read_name(data, i, end):  # type: ignore[no-untyped-def]
    """The key of the tag name at data[i:], and where it ends."""
    key = np.uint64(0)
    while i < end and data[i] != 62 and data[i] != 47 and not is_space(data[i]):
        key = add_letter(key, data[i])
        i += 1
    return key, i
