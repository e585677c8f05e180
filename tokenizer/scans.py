"""The kernels that scan for each scheme of tokenizer.schemes, with their class tables."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from dspipe.tokenizer import unicode_16
from dspipe.tokenizer import unicode_ranges as sets

Scan = tuple[Callable[..., int], tuple[Any, ...]]
"""a kernel of kernels.bpe.pretokenize*, and its arguments between the offsets and the state"""
CHARACTERS = 0x110000
KANA_AND_HAN = "3040-30FF 4E00-9FA5"
"""the runs that DeepSeek-V3 cuts out"""


@cache
def deepseek() -> Scan:
    """Runs of one class, the schemes' own."""
    from dspipe.kernels.bpe import pretokenize as kernel
    from dspipe.kernels.bpe.character_classes import class_table

    classes = np.full(CHARACTERS, kernel.LETTER, np.uint8)
    for text, kind in (
        ("A D", kernel.NEWLINE),
        (sets.BLANKS, kernel.BLANK),
        (sets.CJK, kernel.CJK),
        (sets.NUMBERS, kernel.NUMBER),
        (sets.PUNCTUATION, kernel.PUNCTUATION),
        (sets.OTHER, kernel.OTHER),
    ):
        sets.assign(classes, text, kind)
    return kernel.scan_deepseek, (class_table(classes),)


@cache
def deepseek_strict() -> Scan:
    """The parts of the overlapping sets of DeepSeek LLM's seven steps."""
    from dspipe.kernels.bpe import pretokenize_strict as kernel
    from dspipe.kernels.bpe.character_classes import class_table

    letter, third, fifth, blank, number = (np.zeros(CHARACTERS, np.uint8) for _ in range(5))
    sets.assign(letter, sets.CASED_LETTERS, 1)
    sets.assign(third, sets.STRICT_PUNCTUATION, 1)
    sets.assign(fifth, sets.STRICT_CJK, 1)
    sets.assign(blank, sets.BLANKS, 1)
    sets.assign(number, f"{sets.NUMBERS} {sets.CJK_NUMBERS}", 1)
    sets.assign(number, sets.NEWER_NUMBERS, 0)
    conditions = [
        (letter & third, kernel.LETTER_IN_3),
        (letter & fifth, kernel.LETTER_IN_5),
        (letter, kernel.LETTER),
        (blank & third, kernel.BLANK_IN_3),
        (third & fifth, kernel.PUNCTUATION_IN_5),
        (third, kernel.PUNCTUATION),
        (blank & fifth, kernel.BLANK_IN_5),
        (blank, kernel.BLANK),
        (number, kernel.NUMBER),
        (fifth, kernel.CJK),
    ]
    chosen = [condition.astype(bool) for condition, _ in conditions]
    classes = np.select(chosen, [kind for _, kind in conditions], kernel.OTHER).astype(np.uint8)
    sets.assign(classes, "A D", kernel.NEWLINE)
    return kernel.scan_deepseek_strict, (class_table(classes),)


@cache
def gpt2() -> Scan:
    """All that is no letter, number or blank is punctuation; line ends are blanks; numbers of any length."""
    from dspipe.kernels.bpe import pretokenize_regex as kernel
    from dspipe.kernels.bpe.character_classes import class_table

    classes = np.full(CHARACTERS, kernel.PUNCTUATION, np.uint8)
    for text, kind in (
        (unicode_16.LETTERS, kernel.LETTER),
        (unicode_16.NUMBERS, kernel.NUMBER | kernel.TAKES_SPACE),
        (f"{sets.BLANKS} A D", kernel.BLANK),
        ("20", kernel.SPACE | kernel.LEADS),
    ):
        sets.assign(classes, text, kind)
    return kernel.scan_regex, (class_table(classes), kernel.CONTRACTIONS, 1 << 62, False)


@cache
def cl100k() -> Scan:
    """As gpt2, but all that is no letter, number or line end may be the one character before letters."""
    from dspipe.kernels.bpe import pretokenize_regex as kernel
    from dspipe.kernels.bpe.character_classes import class_table

    classes = np.full(CHARACTERS, kernel.PUNCTUATION | kernel.LEADS, np.uint8)
    for text, kind in (
        (unicode_16.LETTERS, kernel.LETTER),
        (unicode_16.NUMBERS, kernel.NUMBER),
        (sets.BLANKS, kernel.BLANK | kernel.LEADS),
        ("20", kernel.SPACE | kernel.LEADS),
        ("A D", kernel.NEWLINE),
    ):
        sets.assign(classes, text, kind)
    return kernel.scan_regex, (class_table(classes), kernel.CONTRACTIONS_OF_ANY_CASE, 3, False)


@cache
def qwen2() -> Scan:
    """As cl100k, each number by itself."""
    kernel, (classes, contractions, _, numbers_apart) = cl100k()
    return kernel, (classes, contractions, 1, numbers_apart)


@cache
def o200k() -> Scan:
    """Letters by case."""
    from dspipe.kernels.bpe import pretokenize_case as kernel
    from dspipe.kernels.bpe.character_classes import class_table

    classes = np.full(CHARACTERS, kernel.PUNCTUATION, np.uint8)
    for text, kind in (
        (sets.BLANKS, kernel.BLANK),
        ("20", kernel.SPACE),
        ("A D", kernel.NEWLINE),
        (unicode_16.NUMBERS, kernel.NUMBER),
        (unicode_16.LETTERS, kernel.BOTH),
        (unicode_16.MARKS, kernel.MARK),
        (unicode_16.UPPERCASE, kernel.UPPER),
        (unicode_16.LOWERCASE, kernel.LOWER),
    ):
        sets.assign(classes, text, kind)
    return kernel.scan_case, (class_table(classes),)


@cache
def deepseek_v3() -> Scan:
    """Marks are letters; runs of kana and Han stand apart, and so do numbers."""
    from dspipe.kernels.bpe import pretokenize_regex as kernel
    from dspipe.kernels.bpe.character_classes import class_table

    classes = np.full(CHARACTERS, kernel.OTHER | kernel.LEADS, np.uint8)
    for text, kind in (
        (f"{unicode_16.LETTERS} {unicode_16.MARKS}", kernel.LETTER),
        (unicode_16.PUNCTUATION_AND_SYMBOLS, kernel.PUNCTUATION),
        (unicode_16.NUMBERS, kernel.NUMBER),
        (sets.BLANKS, kernel.BLANK | kernel.LEADS),
        ("20", kernel.SPACE | kernel.LEADS),
        ("A D", kernel.NEWLINE),
        ("41-5A 61-7A", kernel.LETTER | kernel.LATIN),
        ("21-2F 3A-40 5B-60 7B-7E", kernel.PUNCTUATION | kernel.LATIN),
    ):
        sets.assign(classes, text, kind)
    for first, last in sets.parse_ranges(KANA_AND_HAN):
        classes[first : last + 1] |= kernel.ISLAND
    return kernel.scan_regex, (class_table(classes), kernel.NO_CONTRACTIONS, 3, True)
