"""The table of characters that end a sentence."""

import unicodedata

import pytest

from dspipe.kernels.text.sentence_terminals import SENTENCE_TERMINALS


@pytest.mark.parametrize("character", ".?!。！？؟۔।॥։።៕။།᠃꓿𑅁᙮᱾꧉")
def test_ends_of_sentences(character: str) -> None:
    assert character in SENTENCE_TERMINALS


@pytest.mark.parametrize("character", ",;:；：，、،؛፡፣¿¡…·\"'”")
def test_other_marks(character: str) -> None:
    assert character not in SENTENCE_TERMINALS


def test_all_are_punctuation() -> None:
    assert {unicodedata.category(character)[0] for character in SENTENCE_TERMINALS} <= {"P", "C"}
