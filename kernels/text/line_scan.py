"""Where a line ends, and what C4's rules look for in it: phrases, curly brackets, citations.

One scan over the bytes; only line breaks, periods, brackets, non-ASCII and the letters k, m and v, of which each
phrase holds one, are looked at.
"""

import numpy as np

from dspipe.kernels.jit import jit
from dspipe.kernels.text.unicode_classes import LINE_BREAK
from dspipe.kernels.text.unicode_lookup import character

# what a line holds, as bits; the first three are phrases
JAVASCRIPT, LOREM_IPSUM, POLICY, CURLY, BRACKET = 1, 2, 4, 8, 16

# C4's phrases, each with the index of a rare letter (k, m, v) that it is found by
_PHRASES = (
    ("javascript", 2, JAVASCRIPT), ("lorem ipsum", 4, LOREM_IPSUM), ("terms of use", 3, POLICY),
    ("privacy policy", 3, POLICY), ("cookie policy", 3, POLICY), ("uses cookies", 8, POLICY),
    ("use of cookies", 10, POLICY), ("use cookies", 7, POLICY),
)  # fmt: skip
_PHRASE_TEXTS = np.array([list(text.encode().ljust(16, b"\0")) for text, _, _ in _PHRASES], np.uint8)
_PHRASE_FACTS = np.array([(len(text), index, found) for text, index, found in _PHRASES], np.int64)
# bytes that the scan of a line has to look at: line breaks, rare letters, periods and brackets, non-ASCII
_PLAIN, _BREAK, _LETTER, _MARK, _OTHER = range(5)
_LOOK = np.full(256, _OTHER, np.uint8)
_LOOK[:128] = _PLAIN
_LOOK[[10, 11, 12, 13, 28, 29, 30]] = _BREAK
_LOOK[list(b"kmvKMV")] = _LETTER
_LOOK[list(b".[{")] = _MARK


@jit
def _phrases_at(data, i, start, end):  # type: ignore[no-untyped-def]
    """Bits of the phrases within data[start:end] whose rare letter is data[i]; ASCII case is ignored."""
    found = 0
    for p in range(len(_PHRASE_TEXTS)):
        length, index = _PHRASE_FACTS[p, 0], _PHRASE_FACTS[p, 1]
        if data[i] | 0x20 != _PHRASE_TEXTS[p, index] or i - index < start or i - index + length > end:
            continue
        same = True
        for k in range(length):
            byte = data[i - index + k]
            same &= (byte | 0x20 if 65 <= byte <= 90 else byte) == _PHRASE_TEXTS[p, k]
        if same:
            found |= _PHRASE_FACTS[p, 2]
    return found


@jit
def scan_line(data, start, end, classes):  # type: ignore[no-untyped-def]
    """The line that begins at data[start]: where it ends (a line break or `end`), what was found (bits), ellipses."""
    found, ellipses, i = 0, 0, start
    while i < end:
        look = _LOOK[data[i]]
        if look == _PLAIN:
            i += 1
            continue
        length = 1
        if look == _LETTER:
            found |= _phrases_at(data, i, start, end)
        elif look == _MARK:
            if data[i] == 46:
                while i + length < end and data[i + length] == 46:
                    length += 1
                ellipses += length // 3
            else:
                found |= CURLY if data[i] == 123 else BRACKET
        elif look == _BREAK:
            break
        elif data[i] == 0xC2 or data[i] == 0xE2:
            kind, length = character(data, i, end, classes)
            if kind & LINE_BREAK != 0:
                break
            ellipses += length == 3 and data[i + 1] == 0x80 and data[i + 2] == 0xA6
        i += length
    return i, found, ellipses
