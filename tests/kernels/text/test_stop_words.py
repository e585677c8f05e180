"""The table of stop words."""

import numpy as np
import pytest

from dspipe.kernels.hashing import hash_token_text
from dspipe.kernels.text.stop_words import make_stop_words
from dspipe.kernels.text.unicode_classes import SCRIPTS


def test_a_word_of_two_languages_is_in_the_table_twice() -> None:
    found = make_stop_words({"en": ["the", "in"], "de": ["in", "in", "der"]}, ["latin", "latin"])
    assert found.names == ("en", "de")
    assert found.table.complete.tolist() == [3, 3]
    slots = np.flatnonzero(found.table.keys == hash_token_text("in"))
    assert sorted(found.table.languages[slots]) == [0, 1]
    assert {int(found.table.languages[p]): int(found.table.bits[p]) for p in slots} == {0: 2, 1: 1}
    assert np.count_nonzero(found.table.keys) == 4


@pytest.mark.parametrize(
    ("words", "script", "message"),
    [
        ([f"w{n}x" for n in range(64)], "latin", "64 stop words for xx"),
        (["two words"], "latin", "not one word"),
        (["don't"], "latin", "not one word"),
        ([""], "latin", "not one word"),
        (["我们大家的"], "han", "more than 4 letters"),
    ],
)
def test_what_is_no_stop_word_is_refused(words: list[str], script: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_stop_words({"xx": words}, [script])


def test_a_script_is_listed_where_one_of_its_languages_has_words() -> None:
    listed = make_stop_words({"en": ["the"], "am": [], "zh": ["的"]}, ["latin", "ethiopic", "han"]).table.listed
    assert [name for name, found in zip(SCRIPTS, listed, strict=True) if found] == ["latin", "han"]


def test_a_word_of_an_unspaced_script_may_have_four_letters() -> None:
    assert np.count_nonzero(make_stop_words({"zh": ["的", "我们", "无论如何"]}, ["han"]).table.keys) == 3
