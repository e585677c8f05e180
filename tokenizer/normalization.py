"""Unicode's normalization form C, as the library `tokenizers` applies it.

A kernel finds the stretches that may need it (kernels.bpe.normalize_nfc), and the library normalizes these: text that
is in this form already, as nearly all is, costs one look at each character, and the result is the library's own.

What a character does is asked of Python, which is safe whatever versions of Unicode Python and the library know: for
an assigned character it never changes (Unicode's stability policy). Characters that not all versions know go to the
library: those that Python doesn't, and of those that combine, all that Unicode 3.2 didn't have.
"""

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt
from tokenizers import normalizers

from dspipe.kernels.bpe import normalize_nfc as kernel
from dspipe.kernels.bpe.character_classes import CHARACTERS, ClassTable, class_table
from dspipe.tokenizer.arrays import Bytes, Offsets

ROOM = 1 << 12
"""stretches found in one call"""
SEPARATOR = "\U0010ffff"
"""between stretches that are normalized in one call: a noncharacter, which combines with nothing"""
HANGUL_VOWELS_AND_FINALS = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))
"""jamo that compose by a rule with what is before them"""
KNOWN = 0x30000
"""characters from here on (rare ideographs, variants, private use) are all left to the library"""


def normalize_nfc(text: Bytes, offsets: Offsets) -> tuple[Bytes, Offsets]:
    """The documents text[offsets[i]:offsets[i + 1]], valid UTF-8, in form C; the arrays as given where they are."""
    stretches = _find_stretches(text, offsets)
    if not len(stretches):
        return text, offsets
    whole = np.ascontiguousarray(text).data
    before = [bytes(whole[start:end]) for start, end in stretches.tolist()]
    after = _normalize_all(before)
    parts: list[bytes | memoryview] = []
    position = int(offsets[0])
    for (start, end), part in zip(stretches.tolist(), after, strict=True):
        parts += [whole[position:start], part]
        position = end
    parts.append(whole[position : int(offsets[-1])])
    growth = np.cumsum([0, *(len(new) - len(old) for old, new in zip(before, after, strict=True))], dtype=np.int64)
    ends_before = np.searchsorted(stretches[:, 1], offsets, "right")
    return np.frombuffer(b"".join(parts), np.uint8), offsets - offsets[0] + growth[ends_before]


def _find_stretches(text: Bytes, offsets: Offsets) -> npt.NDArray[np.int64]:
    classes, pairs = _tables()
    state, found = np.array([0, offsets[0]], np.int64), [np.empty((0, 2), np.int64)]
    while len(found) == 1 or len(found[-1]) == ROOM:
        room = np.empty((ROOM, 2), np.int64)
        found.append(room[: kernel.find_unnormalized(text, offsets, classes, pairs, state, room)])
    return np.concatenate(found)


def _normalize_all(stretches: list[bytes]) -> list[bytes]:
    nfc = normalizers.NFC()
    texts = [stretch.decode() for stretch in stretches]
    together: list[str] = nfc.normalize_str(SEPARATOR.join(texts)).split(SEPARATOR)
    if len(together) != len(texts) or any(SEPARATOR in text for text in texts):
        together = [nfc.normalize_str(text) for text in texts]
    return [text.encode() for text in together]


@cache
def _tables() -> tuple[ClassTable, npt.NDArray[np.uint64]]:
    """The class of each character, and the pairs that compose."""
    classes = np.full(CHARACTERS, kernel.UNSURE, np.uint8)
    pairs = []
    for code in range(KNOWN):
        character = chr(code)
        if unicodedata.category(character) == "Cn":
            continue
        classes[code] = unicodedata.combining(character)
        parts = unicodedata.decomposition(character)
        if parts and not parts.startswith("<"):
            if unicodedata.normalize("NFC", character) == character:
                classes[code] = kernel.COMPOSED
                pairs.append([int(part, 16) for part in parts.split()])
            else:
                classes[code] = kernel.UNSURE
    for _, second in pairs:
        if not classes[second]:
            classes[second] = kernel.SECOND
    classes[list(HANGUL_VOWELS_AND_FINALS)] = kernel.UNSURE
    for code in np.flatnonzero(classes[:KNOWN]).tolist():
        if unicodedata.ucd_3_2_0.category(chr(code)) == "Cn":
            classes[code] = kernel.UNSURE
    keys = np.sort(np.array([first << 21 | second for first, second in pairs], np.uint64))
    return class_table(classes), keys
