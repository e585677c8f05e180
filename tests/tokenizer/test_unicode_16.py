"""The categories of Unicode 16 against the older ones that Python knows: what was assigned then is the same."""

import unicodedata

import pytest

from dspipe.tokenizer import unicode_16
from dspipe.tokenizer.unicode_ranges import parse_ranges

SETS = {
    "L": unicode_16.LETTERS,
    "M": unicode_16.MARKS,
    "N": unicode_16.NUMBERS,
    "PS": unicode_16.PUNCTUATION_AND_SYMBOLS,
}


def characters(text: str) -> set[int]:
    return {character for first, last in parse_ranges(text) for character in range(first, last + 1)}


@pytest.mark.parametrize("kinds", SETS)
def test_a_set_is_a_category(kinds: str) -> None:
    found = characters(SETS[kinds])
    known = [code for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Cs")]
    assert len(known) > 200_000
    wrong = [hex(code) for code in known if (unicodedata.category(chr(code))[0] in kinds) != (code in found)]
    assert len(wrong) <= 2, wrong  # a category is seldom corrected


def test_no_character_is_of_two() -> None:
    counts = [characters(text) for text in SETS.values()]
    assert sum(map(len, counts)) == len(set.union(*counts))
