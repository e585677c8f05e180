"""Copies of text on a page: which are left out, and that nothing else is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.html.block_words import COUNT, WORD_COLUMNS, count_words
from dspipe.kernels.html.drop_copies import FEWEST_WORDS, MOST_COPIES, drop_copies
from tests.kernels.html.scanned import scan

LONG = (
    "This description of a thing goes on for a while, so that nobody takes it for a mere label that is repeated often."
)
SHORT = "Size: 9 by 13"


def kept(page: str) -> list[bool]:
    """Which blocks of a page stay of all."""
    arrays = scan(page)
    words, hashes = np.zeros((len(arrays.blocks), WORD_COLUMNS), np.int32), np.zeros(len(arrays.blocks), np.int64)
    count_words(arrays.text, arrays.blocks, words, hashes)
    keep = np.ones(len(arrays.blocks), bool)
    drop_copies(arrays.text, arrays.elements, arrays.blocks, np.ascontiguousarray(words[:, COUNT]), keep)
    return [bool(value) for value in keep]


@pytest.mark.parametrize(
    ("page", "stays"),
    [
        (f"<p>{LONG}<p>Other<p>{LONG}", "yyn"),
        (f"<p>{LONG}<p>{SHORT}<p>Other<p>{LONG}<p>{SHORT}<p>End", "yyynny"),
        (f"<p>{LONG}<p>{SHORT}<p>{LONG}<p>{SHORT}<p>{LONG}<p>{SHORT}", "yynnnn"),
        (f"<p>{LONG}<p>  {LONG.replace(' ', '  ')} ", "yn"),
        (f"<p>{SHORT}<p>Other<p>{SHORT}", "yyy"),
        (f"<p>{LONG}" * (MOST_COPIES + 1), "yyyy"),
        (f"<pre>{LONG}</pre><pre>{LONG}</pre><table><tr><td>{LONG}<td>{LONG}</table>", "yyyy"),
        (f"<p>{LONG}<p>{LONG.upper()}", "yy"),
        ("", ""),
    ],
)
def test_copies(page: str, stays: str) -> None:
    assert kept(page) == [mark == "y" for mark in stays]


@given(st.lists(st.sampled_from(["one", "two words", "***", LONG, "three of them", "the fourth is this"]), max_size=30))
def test_all_texts_stay_once(texts: list[str]) -> None:
    stays = kept("".join(f"<p>{text}" for text in texts))
    assert {text for text, stay in zip(texts, stays, strict=True) if stay} == set(texts)
    if len(" ".join(texts).split()) < 2 * FEWEST_WORDS:
        assert all(stays)


def test_many_equal_blocks_take_linear_time() -> None:
    assert len(kept("<p>***" * 100_000 + "<p>a b" * 100_000)) == 200_000
