"""Flags of characters of every kind, and the two-level table against them all."""

import numpy as np
import pytest

from dspipe.kernels.text.unicode_classes import (
    DIGIT,
    LETTER,
    MARK,
    NAMES,
    POINTING,
    SCRIPT_SHIFT,
    SPACE,
    TERMINAL,
    UNSPACED,
    WORD_BREAK,
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
        ("\u200d", MARK, "none"),
        ("\u064e", MARK | POINTING, "none"),
        ("\u05b8", MARK | POINTING, "none"),
        ("\u0640", LETTER | POINTING, "arabic"),
        ("\u1361", WORD_BREAK, "none"),
        ("\u200b", WORD_BREAK, "none"),
        ("ꦏ", LETTER | UNSPACED, "javanese"),
        ("ꨀ", LETTER | UNSPACED, "cham"),
        ("አ", LETTER, "ethiopic"),
        ("𞤀", LETTER, "adlam"),
        ("；", 0, "none"),
        ("\u1362", TERMINAL, "none"),
        ("\u3000", SPACE, "none"),
        ("。", TERMINAL, "none"),
        ("؟", TERMINAL, "none"),
        ("।", TERMINAL, "none"),
        ("\ud800", 0, "none"),
    ],
)
def test_classes(character: str, flags: int, script: str) -> None:
    found = character_classes().of(character)
    assert found & (LETTER | UNSPACED | DIGIT | MARK | SPACE | TERMINAL | POINTING | WORD_BREAK) == flags
    assert found >> SCRIPT_SHIFT == NAMES[script]


def test_white_space_is_pythons() -> None:
    table, codes = character_classes(), np.arange(0x110000)
    flags = table.flags[table.pages[codes >> 8].astype(np.int64) + (codes & 255)]
    spaces = {chr(code) for code in codes[flags & SPACE != 0]}
    assert spaces == {chr(code) for code in range(0x110000) if chr(code).isspace()}
