"""The script of a text, and words in scripts that put no spaces between them."""

import pytest

from dspipe.kernels.text.unicode_classes import FIRST_UNSPACED, SCRIPTS
from tests.kernels.text.script_texts import SENTENCES, WORDS, WRITINGS, make_text
from tests.kernels.text.test_statistics import statistics


@pytest.mark.parametrize(
    ("text", "script", "words"),
    [
        ("plain English words", "latin", 3),
        ("我们今天去公园 with you", "han", 6),
        ("今日は天気がいいですね", "kana", 5),
        ("안녕하세요 여러분", "hangul", 2),
        ("मैं घर जा रहा हूँ", "devanagari", 5),
        ("สวัสดีครับ", "thai", 1),
        ("12 34 !!", "none", 2),
        ("", "none", 0),
    ],
)
def test_a_script_and_its_words(text: str, script: str, words: int) -> None:
    (found,) = statistics([text])
    assert (SCRIPTS[int(found["script"])], found["words"]) == (script, words)


@pytest.mark.parametrize("script", WRITINGS)
def test_words_and_sentences_are_counted_as_a_reader_does_in_every_script(script: str) -> None:
    """To the word where words are spaced; else as much as says the same in English, by the letters."""
    spaced = SCRIPTS.index(script) < FIRST_UNSPACED
    (found,) = statistics([make_text(script, spaced)])
    assert (SCRIPTS[int(found["script"])], found["sentences"]) == (script, SENTENCES)
    assert found["words"] == WORDS if spaced else WORDS / 2 <= found["words"] <= WORDS * 1.5


def test_every_script_with_living_users_has_a_text() -> None:
    assert set(WRITINGS) == set(SCRIPTS) - {"none", "other"}
