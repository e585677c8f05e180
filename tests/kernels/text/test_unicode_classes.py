"""Flags of characters of every kind, and the two-level table against them all."""

import numpy as np
import pytest

from dspipe.kernels.text.unicode_classes import (
    DIGIT,
    LETTER,
    MARK,
    NAMES,
    SCRIPT_SHIFT,
    SPACE,
    TERMINAL,
    UNSPACED,
    character_classes,
)


@pytest.mark.parametrize(
    ("character", "flags", "script"),
    [
        ("a", LETTER, "latin"),
        ("я", LETTER, "cyrillic"),
        ("字", LETTER | UNSPACED, "han"),
        ("か", LETTER | UNSPACED, "kana"),
        ("가", LETTER, "hangul"),
        ("ก", LETTER | UNSPACED, "thai"),
        ("7", DIGIT, "none"),
        ("\u0301", MARK, "none"),
        ("\u3000", SPACE, "none"),
        ("。", TERMINAL, "none"),
        ("؟", TERMINAL, "none"),
        ("।", TERMINAL, "none"),
        ("\ud800", 0, "none"),
    ],
)
def test_classes(character: str, flags: int, script: str) -> None:
    found = character_classes().of(character)
    assert found & (LETTER | UNSPACED | DIGIT | MARK | SPACE | TERMINAL) == flags
    assert found >> SCRIPT_SHIFT == NAMES[script]


def test_white_space_is_pythons_but_for_ethiopic() -> None:
    table, codes = character_classes(), np.arange(0x110000)
    flags = table.flags[table.pages[codes >> 8].astype(np.int64) + (codes & 255)]
    spaces = {chr(code) for code in codes[flags & SPACE != 0]}
    assert spaces == {chr(code) for code in range(0x110000) if chr(code).isspace()} | {"\u1361"}
