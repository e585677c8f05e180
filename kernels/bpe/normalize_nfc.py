# ruff: noqa: SIM109 - as in kernels.bpe.pretokenize
"""Where a text is not in Unicode's normalization form C, as stretches that can be normalized each by itself.

Nearly all text is. What is not lies between two boundaries: characters that nothing before them can act on, since they
are starters, have no decomposition of their own but one that is undone, and are the second part of no composition. From
one boundary to the next, a text is as it should be where

- its marks stand in the order of their combining classes,
- none of them composes with the starter before them,
- and no mark follows a starter that is composed itself (é with a cedilla becomes ȩ with an acute).

What can't be told from that is given out as a stretch too: it may turn out to be right as it is.
"""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.bpe.character_classes import ClassTable, class_at, decode
from dspipe.kernels.jit import entry, inline, load64, pointer

U64, I64 = np.uint64, np.int64
BOUNDARY = 0
"""class of the characters that are boundaries; classes 1 to 240 are combining classes"""
COMPOSED = 241
"""a boundary that is composed"""
SECOND = 242
"""a starter that some starter before it composes with"""
UNSURE = 243
"""a character for which the normalizer must be asked"""
HIGH_BITS = np.uint64(0x8080808080808080)


@inline
def _compose(first, second, pairs):  # type: ignore[no-untyped-def]
    """Whether `pairs` (first << 21 | second, ascending) has this one."""
    key = U64(first) << U64(21) | U64(second)
    low, high = 0, len(pairs)
    while low < high:
        middle = (low + high) >> 1
        if pairs[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low < len(pairs) and pairs[low] == key


@entry("state", "stretches")
def find_unnormalized(
    text: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    classes: ClassTable,
    pairs: npt.NDArray[np.uint64],
    state: npt.NDArray[np.int64],
    stretches: npt.NDArray[np.int64],
) -> int:
    """Write the next stretches (int64[n, 2]: start, end) of the documents text[offsets[i]:offsets[i + 1]], in order.

    state: document and position, (0, offsets[0]) at first; carried on from call to call. Returns the number written, at
    most len(stretches); fewer when all documents are done.
    """
    data = pointer(text)
    ascii, block_of, blocks = pointer(classes.ascii), pointer(classes.block_of), pointer(classes.blocks)
    document, p, n = state[0], state[1], 0
    while document < len(offsets) - 1 and n < len(stretches):
        end = offsets[document + 1]
        start, starter, composed, last, unsure = p, I64(-1), False, I64(0), False
        while p < end:
            if not unsure:
                before = p
                while p + 8 <= end and load64(data, p) & HIGH_BITS == U64(0):
                    p += 8
                if p > before:
                    start, starter, composed, last = p - 1, I64(-1), False, I64(0)
                    continue
            kind, length = class_at(data, p, end, ascii, block_of, blocks)
            if kind == BOUNDARY or kind == COMPOSED:
                if unsure:
                    break
                start, starter, composed, last = p, I64(-1), kind == COMPOSED, I64(0)
            elif kind == UNSURE:
                unsure = True
            else:
                if starter < 0 and start < p:
                    starter = I64(decode(data, start)[0])
                character = decode(data, p)[0]
                mark = kind if kind != SECOND else I64(0)
                blocked = last != 0 and last >= mark
                composes = not blocked and starter >= 0 and _compose(starter, character, pairs)
                if composes or composed or (mark != 0 and mark < last):
                    unsure = True
                last = mark
                if mark == 0:
                    starter, composed = I64(character), False
            p += length
        if unsure:
            stretches[n, 0], stretches[n, 1] = start, p
            n += 1
        if p == end:
            document += 1
    state[0], state[1] = document, p
    return n
