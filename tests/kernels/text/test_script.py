"""The script of a text, and words in scripts that put no spaces between them."""

import pytest

from dspipe.kernels.text.unicode_classes import SCRIPTS
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
def test_scripts_and_their_words(text: str, script: str, words: int) -> None:
    (found,) = statistics([text])
    assert (SCRIPTS[int(found["script"])], found["words"]) == (script, words)
