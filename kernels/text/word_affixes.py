"""Where punctuation comes off a word: at its start, at its end, and inside it.

The rules are spaCy's for English, in which punctuation, currencies, possessives and units after figures are tokens of
their own, and a word falls apart at hyphens, slashes and periods between letters.
"""

import numpy as np

from dspipe.kernels.hashing import hash_token
from dspipe.kernels.jit import jit
from dspipe.kernels.text.special_words import UNIT_SALT, find_special
from dspipe.kernels.text.unicode_classes import (
    AFFIX,
    CURRENCY,
    DIGIT,
    HYPHEN,
    LETTER,
    LOWER,
    PICTOGRAPH,
    PREFIX,
    QUOTE,
    UPPER,
)
from dspipe.kernels.text.unicode_lookup import character, character_before, letter_before


@jit
def prefix_length(data, i, end, classes):  # type: ignore[no-untyped-def]
    """Bytes of the punctuation that data[i:end] starts with; 0: none."""
    first = data[i]
    if first == 46:  # a run of periods
        run = i
        while run < end and data[run] == 46:
            run += 1
        return run - i if run - i > 1 else 0
    if first == 43:  # plus, unless it is a sign
        return 1 if i + 1 >= end or not 48 <= data[i + 1] <= 57 else 0
    kind, length = character(data, i, end, classes)
    if kind & (AFFIX | PREFIX) != 0:
        return length
    if kind & UPPER != 0:  # US$, C$, A$
        for k in range(1, 3):
            if i + k < end and data[i + k] == 36 and (data[i + k - 1] in (67, 65) if k == 1 else data[i + 1] == 83):
                return k + 1
    return 0


@jit
def suffix_length(data, start, end, classes, special):  # type: ignore[no-untyped-def]
    """Bytes of the punctuation, possessive or unit that data[start:end] ends with; 0: none."""
    last = data[end - 1]
    if last == 46:
        run = end
        while run > start and data[run - 1] == 46:
            run -= 1
        if end - run > 1:
            return end - run
        if run == start:
            return 0
        kind, length = letter_before(data, run, start, classes)
        if (kind & (LOWER | DIGIT | AFFIX) != 0 and kind & PICTOGRAPH == 0) or data[run - 1] in (37, 43, 45):
            return 1
        if kind & UPPER != 0 and run - length > start:
            second, _ = letter_before(data, run - length, start, classes)
            return 1 if second & UPPER != 0 else 0
        return 0
    kind, length = character_before(data, end, start, classes)
    if kind & AFFIX != 0:
        return length
    if end - length <= start:
        return 0
    if last in (115, 83):  # 's
        if data[end - 2] == 39:
            return 2
        if end - start >= 4 and data[end - 2] == 0x99 and data[end - 3] == 0x80 and data[end - 4] == 0xE2:
            return 4
    if kind & (LETTER | CURRENCY) == 0 and last not in (37, 43, 0xB2, 0xB3):
        return 0
    first = end - 1  # after the last figure: a unit, a plus, a currency
    while first >= start and end - first <= 8 and not 48 <= data[first] <= 57:
        first -= 1
    if first < start or end - first > 8 or first == end - 1:
        return 0
    if (last == 43 or kind & CURRENCY != 0) and end - length == first + 1:
        return length
    unit = hash_token(data, first + 1, end) ^ np.uint64(UNIT_SALT)
    return end - 1 - first if find_special(special, unit) >= 0 else 0


@jit
def infix_length(data, i, start, end, classes):  # type: ignore[no-untyped-def]
    """Bytes of the infix at data[i] within the word data[start:end]; 0: none."""
    byte = data[i]
    if byte == 46 and i + 1 < end and data[i + 1] == 46:
        run = i
        while run < end and data[run] == 46:
            run += 1
        return run - i
    kind, length = character(data, i, end, classes)
    if kind & PICTOGRAPH != 0 or (byte == 0xE2 and length == 3 and data[i + 1] == 0x80 and data[i + 2] == 0xA6):
        return length
    if i == start or i + length >= end:
        return 0
    before, _ = letter_before(data, i, start, classes)
    after, _ = character(data, i + length, end, classes)
    if byte in (43, 45, 42, 94) and before & DIGIT != 0 and (after & DIGIT != 0 or data[i + 1] == 45):
        return 1
    if byte == 46:
        return 1 if before & (LOWER | QUOTE) != 0 and after & (UPPER | QUOTE) != 0 else 0
    if byte == 44:
        return 1 if before & LETTER != 0 and after & LETTER != 0 else 0
    if before & (LETTER | DIGIT) == 0:
        return 0
    if byte in (58, 60, 61, 62, 47):
        return 1 if after & LETTER != 0 else 0
    if kind & HYPHEN != 0:
        if after & LETTER != 0:
            return length
        run = i + length  # two or three hyphens, two dashes
        while run < end and data[run] == 45 and byte == 45 and run - i < 3:
            run += 1
        if byte == 0xE2 and run + 3 <= end and data[run] == 0xE2 and data[run + 2] == data[i + 2] == 0x94:
            run += 3
        if run > i + length and run < end:
            after, _ = character(data, run, end, classes)
            return run - i if after & LETTER != 0 else 0
    return 0
