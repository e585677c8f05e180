"""A 128-bit hash of each normalized text, for exact deduplication.

Normalizing takes away what differs between two copies of one text without meaning: blanks (Unicode White_Space and NUL)
are trimmed at both ends and runs of them become one. Case, punctuation and accents count: 1.5 isn't 15.

Two different texts among n share a hash with probability n^2 / 2^129: 3e-16 for 3e11 documents. The bound holds for
texts not made to collide; the hash is no defence against someone who wants a document dropped.
"""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.dedup.units import Hashes
from dspipe.kernels.hashing import PI_1, PI_2, PI_3, absorb_word, quick_hash64
from dspipe.kernels.jit import entry, inline, load64, pointer

_BLOCK_BYTES = 1 << 14


def text_hashes(data: Bytes, offsets: Offsets) -> Hashes:
    """uint64[rows, 2]: the hash of each row of a text column (kernels.arrow.text_buffers); constant memory."""
    hashes = np.empty((len(offsets) - 1, 2), np.uint64)
    _text_hashes(data, offsets, hashes)
    return hashes


@inline
def blank_width(data, i, end):  # type: ignore[no-untyped-def]
    """Bytes of the white-space character at data[i], 0 for any other (Unicode 15, PropList.txt, White_Space)."""
    byte = data[i]
    if byte <= 32:
        return np.int64(byte == 32 or 9 <= byte <= 13 or 28 <= byte <= 31 or byte == 0)
    if byte < 0xC2 or byte > 0xE3:
        return np.int64(0)
    if byte == 0xC2 and i + 1 < end:
        return np.int64(2 if data[i + 1] == 0x85 or data[i + 1] == 0xA0 else 0)
    if byte >= 0xE1 and i + 2 < end:
        second, third = data[i + 1], data[i + 2]
        if byte == 0xE3:
            return np.int64(3 if second == 0x80 and third == 0x80 else 0)
        if byte == 0xE2 and second == 0x80:
            return np.int64(3 if 0x80 <= third <= 0x8A or third == 0xA8 or third == 0xA9 or third == 0xAF else 0)
        if byte == 0xE2 and second == 0x81:
            return np.int64(3 if third == 0x9F else 0)
        if byte == 0xE1 and second == 0x9A:
            return np.int64(3 if third == 0x80 else 0)
    return np.int64(0)


@entry("hashes")
def _text_hashes(data: Bytes, offsets: Offsets, hashes: npt.NDArray[np.uint64]) -> None:
    scratch = np.zeros(_BLOCK_BYTES + 16, np.uint8)
    packed = pointer(scratch)
    texts = pointer(data)
    for document in range(offsets.shape[0] - 1):
        i, end = offsets[document], offsets[document + 1]
        low, high = PI_1, PI_2
        length, filled, pending = np.int64(0), np.int64(0), np.int64(0)
        while i < end:
            width = blank_width(texts, i, end)
            if width:
                pending = np.int64(length + filled > 0)
                i += width
                continue
            packed[filled] = np.uint8(32)
            filled += pending
            pending = np.int64(0)
            packed[filled] = texts[i]
            filled += 1
            i += 1
            if filled >= _BLOCK_BYTES:
                for j in range(0, _BLOCK_BYTES, 8):
                    low, high = absorb_word(low, high, load64(packed, j))
                length += np.int64(_BLOCK_BYTES)
                filled -= np.int64(_BLOCK_BYTES)
                packed[0] = packed[_BLOCK_BYTES]
        for j in range(filled, filled + 8):
            packed[j] = np.uint8(0)
        for j in range(0, filled, 8):
            low, high = absorb_word(low, high, load64(packed, j))
        length += filled
        low, high = absorb_word(low, high, np.uint64(length))
        hashes[document, 0] = quick_hash64(low ^ quick_hash64(high))
        hashes[document, 1] = quick_hash64(high + quick_hash64(low ^ PI_3))
    scratch[0] = np.uint8(0)  # its last use: the array must live as long as `packed` points into it
