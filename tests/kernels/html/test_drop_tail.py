"""Links behind the text and hidden text: which are left out, and that nothing else is."""

import numpy as np
import pytest

from dspipe.kernels.html.block_words import COUNT, WORD_COLUMNS, count_words
from dspipe.kernels.html.drop_tail import drop_hidden, drop_tail
from tests.kernels.html.scanned import scan

TEXT = f"<p>{'word ' * 30}"
LINK = "<p><a href=x>Another page with news</a>"


def kept(page: str, dropped: str = "") -> str:
    """y for each block of a page that stays, n for others; `dropped` weren't kept at first."""
    arrays = scan(page)
    words, hashes = np.zeros((len(arrays.blocks), WORD_COLUMNS), np.int32), np.zeros(len(arrays.blocks), np.int64)
    count_words(arrays.text, arrays.blocks, words, hashes)
    counts = np.ascontiguousarray(words[:, COUNT])
    keep = np.array([mark != "n" for mark in dropped.ljust(len(counts), "y")], bool)
    drop_hidden(arrays.elements, arrays.blocks, counts, keep)
    drop_tail(arrays.blocks, counts, keep)
    return "".join("y" if value else "n" for value in keep)


@pytest.mark.parametrize(
    ("page", "dropped", "stays"),
    [
        (TEXT + LINK * 5, "", "y" + "n" * 5),
        (TEXT + LINK * 4, "", "y" * 5),
        (TEXT + LINK * 5, "yyn", "yynyyy"),
        (LINK * 5 + TEXT, "", "y" * 6),
        (TEXT + LINK * 3 + "<p>7 minutes ago" + LINK * 3, "", "y" + "n" * 7),
        (TEXT + ("<p>A line that isn't linked" + LINK) * 3, "", "y" * 7),
        (TEXT + LINK * 40, "", "y" * 41),  # a page of links
        (LINK * 9, "", "y" * 9),
        ("", "", ""),
    ],
)
def test_links_behind_the_text(page: str, dropped: str, stays: str) -> None:
    assert kept(page, dropped) == stays


def test_hidden_text() -> None:
    long = "word " * 2001
    assert kept(f"<p>{long}<div style='display:none'><p>{long}</div><div hidden>short</div>") == "yny"
