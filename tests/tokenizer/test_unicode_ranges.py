"""The sets of characters: written as ranges, apart from each other, and the same as their regular expressions."""

import re
from itertools import combinations, pairwise

import numpy as np
import pytest

from dspipe.tokenizer import unicode_ranges as sets
from dspipe.tokenizer.unicode_ranges import assign, parse_ranges, regex_set

TEXTS = {name: value for name, value in vars(sets).items() if name.isupper() and isinstance(value, str)}
APART = ("BLANKS", "CJK", "NUMBERS", "PUNCTUATION", "OTHER")


def members(text: str) -> set[int]:
    return {character for first, last in parse_ranges(text) for character in range(first, last + 1)}


def test_ranges_are_hexadecimal() -> None:
    assert parse_ranges("9 B-C\n20 1F600-1F601") == [(9, 9), (0xB, 0xC), (0x20, 0x20), (0x1F600, 0x1F601)]
    assert parse_ranges("") == []


@pytest.mark.parametrize("name", TEXTS)
def test_ranges_ascend_and_do_not_overlap(name: str) -> None:
    found = parse_ranges(TEXTS[name])
    assert found
    assert all(first <= last for first, last in found)
    if not name.startswith("STRICT"):  # those stand as they are published
        assert all(a[1] < b[0] for a, b in pairwise(found))


def test_the_schemes_own_sets_are_apart() -> None:
    for one, other in combinations(APART, 2):
        assert not members(TEXTS[one]) & members(TEXTS[other]), (one, other)


def test_some_characters() -> None:
    for name, characters in (
        ("BLANKS", " \t\u00a0\u3000"),
        ("CJK", "中ひカ々〇ㄅ"),
        ("NUMBERS", "7²٣Ⅷ①"),
        ("PUNCTUATION", "!-“。€😀"),
        ("OTHER", "\0\x7f\u200b\ufeff"),
    ):
        assert {ord(character) for character in characters} <= members(TEXTS[name]), name
    letters = "aé字한ह\u00ad\u200d"  # what is in none of them is a letter, soft hyphens and joiners too
    assert not {ord(c) for c in letters.replace("字", "")} & set().union(*(members(TEXTS[name]) for name in APART))


@pytest.mark.parametrize("names", [["BLANKS"], ["NUMBERS", "CJK_NUMBERS"], ["CJK", "PUNCTUATION", "BLANKS"]])
def test_regular_expressions_match_the_same_characters(names: list[str]) -> None:
    pattern = re.compile(f"[{regex_set([TEXTS[name] for name in names])}]")
    characters = [code for code in range(0x30000) if not 0xD800 <= code < 0xE000]
    expected = set().union(*(members(TEXTS[name]) for name in names))
    assert {code for code in characters if pattern.match(chr(code))} == expected & set(characters)


def test_classes_are_assigned() -> None:
    classes = np.zeros(64, np.uint8)
    assign(classes, "9 B-C 20", 7)
    assert np.flatnonzero(classes == 7).tolist() == [9, 11, 12, 32]
