"""The stretches that are found, on small tables of their own; tests/tokenizer/test_normalization.py has Unicode's."""

import numpy as np
import pytest

from dspipe.kernels.bpe import normalize_nfc as kernel
from dspipe.kernels.bpe.character_classes import CHARACTERS, class_table
from tests.kernels.bpe.pieces import joined

CLASSES = np.zeros(CHARACTERS, np.uint8)
for character, kind in {"\u0301": 230, "\u0323": 220, "é": kernel.COMPOSED, "\u09be": kernel.SECOND, "?": 0}.items():
    CLASSES[ord(character)] = kind
CLASSES[ord("\u2126")] = kernel.UNSURE
TABLE = class_table(CLASSES)
PAIRS = np.sort(np.array([ord("e") << 21 | 0x301, ord("e") << 21 | 0x323, 0x9C7 << 21 | 0x9BE], np.uint64))


def stretches(texts: list[str]) -> list[str]:
    text, offsets = joined(texts)
    state, room = np.array([0, 0], np.int64), np.empty((9, 2), np.int64)
    count = kernel.find_unnormalized(text, offsets, TABLE, PAIRS, state, room)
    assert state[0] == len(texts)
    return [text[start:end].tobytes().decode() for start, end in room[:count]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text, all of it ASCII; é 中文", []),
        ("a long run before e\u0301 and after", ["e\u0301"]),
        ("x\u0301", []),  # composes with nothing here
        ("x\u0323\u0301", []),
        ("x\u0301\u0323", ["x\u0301\u0323"]),  # out of order
        ("x\u0301\u0301", []),
        ("\u0301\u0323", ["\u0301\u0323"]),
        ("é\u0323", ["é\u0323"]),  # follows what is composed
        ("中\u09be\u09c7\u09bea", ["\u09c7\u09be"]),
        ("\u09c7\u0301\u09be", []),  # a mark lies between them
        ("12345678\u2126", ["8\u2126"]),
        ("\u2126\u2126x\u2126", ["\u2126\u2126", "x\u2126"]),
    ],
)
def test_stretches(text: str, expected: list[str]) -> None:
    assert stretches([text]) == expected


def test_stretches_end_with_their_document() -> None:
    assert stretches(["e", "\u0301", "", "e\u0301", ""]) == ["e\u0301"]
