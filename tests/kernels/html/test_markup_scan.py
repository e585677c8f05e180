"""Counts of markup, against Python's own HTML parser on pages that are well formed, and on pages that are not."""

import time
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.html.markup_scan import _FORMATTING, _IMPLIED, _VOID, MarkupCounts, scan_markup


def scan(page: str) -> MarkupCounts:
    return scan_markup(np.frombuffer(page.encode(), np.uint8))


class Slow(HTMLParser):
    """The same counts by the standard library's tokenizer."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes = self.formatting = self.depth = 0
        self._formatting = self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes = max(self.attributes, len(attrs))
        self._count(tag, 1)

    def handle_endtag(self, tag: str) -> None:
        self._count(tag, -1)

    def _count(self, tag: str, step: int) -> None:
        if tag in _FORMATTING:
            self._formatting = max(0, self._formatting + step)
        if tag not in (*_VOID, *_IMPLIED):
            self._depth = max(0, self._depth + step)
        self.formatting, self.depth = max(self.formatting, self._formatting), max(self.depth, self._depth)


NAMES = st.sampled_from(["div", "p", "b", "FONT", "br", "li", "span", "i", "section"])
VALUES = st.sampled_from(["x", "a>b", "<p>", "", "it's", "a=b c"])
ATTRIBUTES = st.lists(st.tuples(st.sampled_from(["id", "class"]), VALUES), max_size=2, unique_by=lambda pair: pair[0])


@given(st.lists(st.tuples(NAMES, st.booleans(), ATTRIBUTES, st.sampled_from(["text", " a < b ", ""])), max_size=30))
def test_against_another_tokenizer(parts: list[tuple[str, bool, list[tuple[str, str]], str]]) -> None:
    page = ""
    for name, end, attributes, text in parts:
        written = "".join(f' {key}="{value}"' for key, value in attributes)
        page += f"</{name}>{text}" if end else f"<{name}{written}>{text}"
    slow = Slow()
    slow.feed(page)
    slow.close()
    assert scan(page) == (slow.attributes, slow.formatting, slow.depth)


@pytest.mark.parametrize(
    ("page", "counts"),
    [
        ("", (0, 0, 0)),
        ("a < b <3 <", (0, 0, 0)),
        ("<!-- <b><b> --><b>x", (0, 1, 1)),
        ("<script>'<b><b>'</script><b>", (0, 1, 1)),
        ("<title><b></title>", (0, 0, 1)),
        ("<p a=1 b='>' c=\">\" d>", (4, 0, 0)),
        ("<p a = '1' b", (2, 0, 0)),
        ("<p a='never closed", (1, 0, 0)),
        ("</b></b><b>", (0, 1, 1)),
        ("<br/><br /><hr>", (0, 0, 0)),
    ],
)
def test_edges(page: str, counts: tuple[int, int, int]) -> None:
    assert scan(page) == counts


@pytest.mark.parametrize("part", ["<", "<b>", "<p a", "<!--", "<script>", "a='", "</", "<b id=1>", "\0", "<a b=\"'"])
def test_linear_time_on_anything(part: str) -> None:
    small, large = part * 10_000, part * 1_000_000
    scan(small)
    start = time.process_time()
    scan(large)
    assert time.process_time() - start < 1.0
