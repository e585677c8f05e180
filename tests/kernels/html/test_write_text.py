"""Kept blocks as text and as Markdown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.html.write_text import write_text
from tests.kernels.html.scanned import block_texts, scan


def write(page: str, markdown: bool = False, bullets: bool = True, drop: tuple[int, ...] = ()) -> str:
    arrays = scan(page)
    keep = np.ones(len(arrays.blocks), bool)
    keep[list(drop)] = False
    return str(write_text(arrays.text, arrays.elements, arrays.blocks, keep, bullets, markdown).tobytes().decode())


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<h2>a</h2><p>b<br>c</p><p>d", "a\n\nb\nc\n\nd"),
        ("<p>a</p><ul><li>b<li>c</ul><p>d", "a\n\n- b\n- c\n\nd"),
        ("<ol><li>a<li>b</ol>", "1. a\n2. b"),
        ("<ol start=9><li>a<li>b</ol>", "9. a\n10. b"),
        ("<ul><li>a<ul><li>b<li>c</ul><li>d</ul>", "- a\n  - b\n  - c\n- d"),
        ("<ul><li><p>a</p><p>b</p></li><li>c</ul>", "- a\n  b\n- c"),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl><p>e", "a\nb\nc\nd\n\ne"),
        ("<table><tr><th>a<th>b<tr><td>c<br>d<td>e</table><p>f", "a | b\nc d | e\n\nf"),
        ("<table><tr><td><p>a</p><p>b</p><td>c</table>", "a b | c"),
        ("<table><tr><td>" + "<p>a</p>" * 3 + "</table>", "a\n\na\n\na"),
        ("<table><tr><td>a</table><table><tr><td>b</table>", "a\n\nb"),
        ("<pre>  a\n\n    b</pre>c", "  a\n\n    b\n\nc"),
        ("<blockquote>a</blockquote>", "a"),
    ],
)
def test_text(page: str, text: str) -> None:
    assert write(page) == text


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<h1>a</h1><h3>b</h3>c", "# a\n\n### b\n\nc"),
        ("<pre>a\n  b</pre><p>c</p><pre>d</pre>", "```\na\n  b\n```\n\nc\n\n```\nd\n```"),
        ("<blockquote><p>a<br>b</p></blockquote>c", "> a\n> b\n\nc"),
        ("<table><tr><th>a<th>b<tr><td>c<td>d<tr><td>e<td>f</table>", "a | b\n--- | ---\nc | d\ne | f"),
        ("<ul><li>a<li>b</ul>", "- a\n- b"),
    ],
)
def test_markdown(page: str, text: str) -> None:
    assert write(page, markdown=True) == text


def test_without_bullets_and_without_blocks() -> None:
    assert write("<ul><li>a<li>b</ul>", bullets=False) == "a\nb"
    assert write("<p>a<p>b<p>c", drop=(1,)) == "a\n\nc"
    assert write("<p>a", drop=(0,)) == ""
    assert write("") == ""


TAGS = [
    "<p>",
    "<li>",
    "<ol start=7>",
    "<ul>",
    "</ul>",
    "<table>",
    "<tr>",
    "<td>",
    "</table>",
    "<pre>",
    "</pre>",
    "<dl>",
    "<dd>",
]


@given(st.lists(st.sampled_from([*TAGS, "<blockquote>", "<h2>", "<br>", "a\nb", "é "]), max_size=40), st.booleans())
def test_nothing_is_lost_or_out_of_order(parts: list[str], markdown: bool) -> None:
    page = "".join(parts)
    written = write(page, markdown)
    at = 0
    for text in block_texts(page):
        for line in text.split():
            at = written.index(line, at) + len(line)
