"""The table of words that don't follow the rules."""

import numpy as np
import pytest

from dspipe.kernels.jit import entry
from dspipe.kernels.text.special_words import (
    _contractions,
    _whole_words,
    raw_special_words,
    special_at,
    special_words,
)


@entry()
def _cuts_of(data, special):  # type: ignore[no-untyped-def]
    return special_at(data, 0, len(data), raw_special_words(special))


def cuts_of(word: str) -> int:
    with np.errstate(over="ignore"):
        return int(_cuts_of(np.frombuffer(word.encode(), np.uint8), special_words()))


def test_every_contraction_falls_into_its_parts() -> None:
    for word, parts in _contractions().items():
        assert "".join(parts) == word
        data, packed = word.encode(), cuts_of(word)
        cuts = [cut for cut in (packed & 255, packed >> 8) if cut]
        pieces = [data[a:b].decode() for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        assert pieces == list(parts)


def test_whole_words_have_no_cuts() -> None:
    assert {cuts_of(word) for word in _whole_words() - _contractions().keys()} == {0}


@pytest.mark.parametrize("word", ["", "word", "its", "shell", "Mr", "x" * 40, "km"])
def test_other_words_are_not_in_it(word: str) -> None:
    assert cuts_of(word) == -1
