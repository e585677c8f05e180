"""Strings as JSON writes them (RFC 8259, section 7): in quotes, with quotes, backslashes and controls escaped."""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.jit import entry

_NULL = np.frombuffer(b"null", np.uint8)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def _short_escapes() -> npt.NDArray[np.uint8]:
    """For each byte the letter behind the backslash, 117 (`u`) for `\\u00..`, 0 where the byte stands as it is."""
    letters = np.zeros(256, np.uint8)
    letters[:32] = ord("u")
    for byte, letter in zip(b'"\\\b\f\n\r\t', b'"\\bfnrt', strict=True):
        letters[byte] = letter
    return letters


_LETTERS = _short_escapes()


def json_strings(data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_]) -> tuple[Bytes, Offsets]:
    """The bytes and offsets of each row as a JSON string with its quotes, or as `null` where it isn't valid.

    data     uint8, UTF-8
    offsets  int64[rows + 1]
    valid    bool[rows]
    """
    ends = np.zeros(len(offsets), np.int64)
    _measure(data, offsets, valid, _LETTERS, ends)
    np.cumsum(ends, out=ends)
    out = np.empty(int(ends[-1]), np.uint8)
    _write(data, offsets, valid, _LETTERS, _NULL, _HEX, ends, out)
    return out, ends


@entry("sizes")
def _measure(data, offsets, valid, letters, sizes):  # type: ignore[no-untyped-def]
    """sizes[i + 1] = bytes of row i as written."""
    for row in range(len(offsets) - 1):
        if not valid[row]:
            sizes[row + 1] = 4
            continue
        size = offsets[row + 1] - offsets[row] + 2
        for at in range(offsets[row], offsets[row + 1]):
            letter = letters[data[at]]
            if letter:
                size += 5 if letter == 117 else 1
        sizes[row + 1] = size


@entry("out")
def _write(data, offsets, valid, letters, null, digits, starts, out):  # type: ignore[no-untyped-def]
    for row in range(len(offsets) - 1):
        to = starts[row]
        if not valid[row]:
            for k in range(4):
                out[to + k] = null[k]
            continue
        out[to] = 34
        to += 1
        for at in range(offsets[row], offsets[row + 1]):
            byte = data[at]
            letter = letters[byte]
            if letter == 0:
                out[to] = byte
                to += 1
                continue
            out[to] = 92
            out[to + 1] = letter
            to += 2
            if letter == 117:
                out[to] = 48
                out[to + 1] = 48
                out[to + 2] = digits[byte >> 4]
                out[to + 3] = digits[byte & 15]
                to += 4
        out[to] = 34
