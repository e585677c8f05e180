"""Statistics of source files, against plain Python."""

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.text.file_statistics import FileStatistics, file_statistics

TEXTS = st.lists(st.text(alphabet="aZ 1\n\r\té中😀<>/!-&;=\"'script", max_size=40), min_size=1, max_size=5)


def measured(texts: list[str], html: bool = False) -> FileStatistics:
    column = pa.array(texts, pa.large_string())
    return file_statistics(*text_buffers(column), np.full(len(texts), html))


def plain(text: str) -> tuple[int, int, int, int, int]:
    lines = re.split("\r\n|\r|\n", text)
    lines = lines[:-1] if not lines[-1] else lines
    lengths = [len(line) for line in lines]
    letters = sum(character.isalpha() for character in text)
    return len(text), len(lines), sum(lengths), max(lengths, default=0), letters


@given(TEXTS)
def test_lines_and_letters_against_plain_python(texts: list[str]) -> None:
    found = measured(texts)
    assert list(zip(*(column.tolist() for column in found[:5]), strict=True)) == [plain(text) for text in texts]
    assert not found.shown.any()


@given(TEXTS)
def test_what_html_shows_is_no_more_than_there_is(texts: list[str]) -> None:
    """Any text, broken as it may be."""
    found = measured(texts, html=True)
    assert (found.shown <= found.characters).all()
    assert found.shown.tolist() == [int(measured([text], html=True).shown[0]) for text in texts]


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("<p>one  two\n three</p>", "one two three"),
        ("  <b>a</b>\n<i>b</i>  ", "a b"),
        ("a<!-- > not <b> this -->b", "ab"),
        ("x<script type='a'>if (a < b) '</scrip>'</script >y", "xy"),
        ("x<STYLE>p > a {}</STYLE>y", "xy"),
        ("<styled>shown</styled>", "shown"),
        ("<a title=\"1 > 0\" b='>'>link</a>", "link"),
        ('<a title="never ends>link', "link"),
        ("1 < 2 &lt; 3 && a&b; c &#228; é", "1 < 2 x 3 && ax c x é"),
        ("<script>no end", ""),
        ("<!doctype html><?php echo ?>a", "a"),
        ("", ""),
        ("<", "<"),
    ],
)
def test_what_html_shows(page: str, shown: str) -> None:
    assert measured([page], html=True).shown.tolist() == [len(shown)]


def test_slices_of_a_column() -> None:
    column = pa.array(["aa\n", "<b>x</b>", "c"], pa.large_string()).slice(1)
    found = file_statistics(*text_buffers(column), np.array([True, False]))
    assert found.characters.tolist() == [8, 1]
    assert found.shown.tolist() == [1, 0]
