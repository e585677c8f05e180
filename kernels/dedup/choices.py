"""Multiple-choice questions in a text: rows of options marked A, B, C, ... in order."""

import numpy as np
import numpy.typing as npt

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.jit import entry, pointer

_MAX_DISTANCE = 600
"""bytes between the marks of two options: a long option in Chinese has about 150 characters"""


@entry("counts")
def _count(data, offsets, counts):  # type: ignore[no-untyped-def]
    texts = pointer(data)
    for document in range(len(offsets) - 1):
        start, end = offsets[document], offsets[document + 1]
        expected, mark_at, found = np.int64(0), start, 0
        for at in range(start, end):
            letter = np.int64(texts[at]) - 65
            if letter < 0 or letter > 7 or (letter != 0 and letter != expected) or at + 1 >= end:
                continue
            before = np.int64(32) if at == start else np.int64(texts[at - 1])
            # a word's letter is no mark: blank, bracket or the last byte of a full-width sign must stand before it
            if 48 <= before <= 57 or 65 <= before <= 90 or 97 <= before <= 122 or before == 46 or before == 39:
                continue
            after = np.int64(texts[at + 1])
            full_width = False
            if at + 3 < end and 0xE3 <= after <= 0xEF:
                second, third = np.int64(texts[at + 2]), np.int64(texts[at + 3])
                # the ideographic comma, and full-width . : )
                full_width = (after == 0xE3 and second == 0x80 and third == 0x81) or (
                    after == 0xEF and second == 0xBC and (third == 0x8E or third == 0x9A or third == 0x89)
                )
            if not (full_width or after == 41 or after == 46 or after == 58):
                continue
            if letter == 0 or at - mark_at > _MAX_DISTANCE:
                expected = np.int64(1) if letter == 0 else np.int64(0)
            else:
                expected = letter + 1
                if letter == 2:
                    found += 1
            mark_at = at
        counts[document] = found


def count_choices(data: Bytes, offsets: Offsets) -> npt.NDArray[np.uint32]:
    """uint32 [documents]: the questions of each with options A, B, C (and more) in order.

    A mark is a capital letter before `)`, `.`, `:` or their full-width twins, and not after a letter, digit or dot, so
    `A.`, `(A)` and `A、` are marks; `U.S.A.` isn't one. Two marks lie at most 600 bytes apart.
    """
    counts = np.empty(len(offsets) - 1, np.uint32)
    _count(data, offsets, counts)
    return counts
