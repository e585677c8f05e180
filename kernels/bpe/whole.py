"""Tokens that a piece of text becomes as a whole, whatever its merges would make of it.

A vocabulary with Hugging Face's option `ignore_merges` takes a piece that is a token for this token. For most of them
merging gives the same: of Llama 3's 128,000 tokens, 588 are not what merging their bytes makes. Only those are here.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.hashing import FNV_OFFSET, FNV_PRIME
from dspipe.kernels.jit import entry, inline, jit, pointer

U64, I64 = np.uint64, np.int64


class WholeTokens(NamedTuple):
    """Tokens by their bytes.

    data     uint8           the tokens' bytes, one behind the other
    offsets  int64[n + 1]    where each begins in data
    ids      uint32[n]
    slots    int64[2^k]      the number of a token, at the hash of its bytes or behind it; -1: free
    """

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    ids: npt.NDArray[np.uint32]
    slots: npt.NDArray[np.int64]


class RawWhole(NamedTuple):
    """Pointers to the arrays of WholeTokens, the length of `slots` less one, and that of the longest token."""

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    ids: npt.NDArray[np.uint32]
    slots: npt.NDArray[np.int64]
    mask: np.int64
    longest: np.int64


def whole_tokens(tokens: dict[int, bytes]) -> WholeTokens:
    """A table of these ids and their bytes, of which there is at least one each."""
    table = WholeTokens(
        *text_buffers(pa.array(tokens.values(), pa.large_binary())),
        np.array([*tokens], np.uint32),
        np.full(2 << len(tokens).bit_length(), -1, np.int64),
    )
    _fill(table, table.slots)
    return table


@inline
def raw_whole(table: WholeTokens) -> RawWhole:
    """Pointers to the table's arrays; the caller keeps them alive."""
    longest = I64(0)
    for token in range(len(table.ids)):
        longest = max(longest, table.offsets[token + 1] - table.offsets[token])
    return RawWhole(
        pointer(table.data),
        pointer(table.offsets),
        pointer(table.ids),
        pointer(table.slots),
        I64(len(table.slots) - 1),
        longest,
    )


@inline
def _slot(text, start, n, mask):  # type: ignore[no-untyped-def]
    """Where the search for these bytes begins: FNV-1a, folded."""
    value = FNV_OFFSET
    for i in range(start, start + n):
        value = (value ^ U64(text[i])) * FNV_PRIME
    return I64(value ^ value >> U64(32)) & mask


@entry("slots")
def _fill(table: WholeTokens, slots: npt.NDArray[np.int64]) -> None:
    for token in range(len(table.ids)):
        start = table.offsets[token]
        i = _slot(table.data, start, table.offsets[token + 1] - start, len(slots) - 1)
        while slots[i] >= 0:
            i = (i + 1) & len(slots) - 1
        slots[i] = token


@jit
def find_whole(text, start, n, whole):  # type: ignore[no-untyped-def]
    """The id of the token of the n > 0 bytes from `start`, or -1."""
    if n > whole.longest:
        return I64(-1)
    i = _slot(text, start, n, whole.mask)
    while whole.slots[i] >= 0:
        token = whole.slots[i]
        first = whole.offsets[token]
        if whole.offsets[token + 1] - first == n:
            same = 0
            while same < n and whole.data[first + same] == text[start + same]:
                same += 1
            if same == n:
                return I64(whole.ids[token])
        i = (i + 1) & whole.mask
    return I64(-1)
