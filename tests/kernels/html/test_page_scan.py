"""The scan of a page: blocks of text and what is around them, against trees and on soup."""

import time
import tracemalloc
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.html import page_arrays as pg
from dspipe.kernels.html.page_scan import TooManyElementsError, scan_page
from dspipe.kernels.html.tags import BLOCK, KINDS, NUMBERS
from tests.kernels.html.scanned import block_texts, scan, tags_around

Tree = tuple[str, list["Tree | str"]]
word = st.sampled_from(["one", "two", "é", "中文", "&amp;", "3 < 4"])


def trees() -> st.SearchStrategy[Tree]:
    """Elements that may hold each other without an end tag being implied."""
    names = st.sampled_from(["div", "section", "span", "b", "em", "article", "ul", "blockquote"])
    return st.recursive(
        st.tuples(names, st.lists(word, max_size=2)),
        lambda inner: st.tuples(names, st.lists(st.one_of(word, inner), max_size=4)),
        max_leaves=12,
    )


def write(tree: Tree) -> str:
    name, children = tree
    return f"<{name}>" + "".join(c if isinstance(c, str) else write(c) for c in children) + f"</{name}>"


def simulate(tree: Tree) -> list[tuple[str, list[str]]]:
    """The blocks of a tree and the tags around their first characters, by plain recursion."""
    blocks: list[tuple[str, list[str]]] = []
    is_open = False

    def walk(node: Tree, path: list[str]) -> None:
        nonlocal is_open
        name, children = node
        is_block = KINDS[NUMBERS[name]] & BLOCK != 0
        is_open = is_open and not is_block
        for child in children:
            if isinstance(child, str):
                text = child.replace("&amp;", "&")
                if is_open:
                    blocks[-1] = (blocks[-1][0] + text, blocks[-1][1])
                else:
                    blocks.append((text, [*path, name]))
                is_open = True
            else:
                walk(child, [*path, name])
        is_open = is_open and not is_block

    walk(tree, [])
    return blocks


@settings(max_examples=200)
@given(trees())
def test_blocks_of_whole_trees(tree: Tree) -> None:
    page = write(tree)
    assert list(zip(block_texts(page), tags_around(page), strict=True)) == simulate(tree)


@pytest.mark.parametrize(
    ("page", "paths"),
    [
        ("<p>a<p>b", [["p"], ["p"]]),
        ("<p>a<div>b</div>", [["p"], ["div"]]),
        ("<ul><li>a<li>b<ul><li>c</ul></ul>", [["ul", "li"], ["ul", "li"], ["ul", "li", "ul", "li"]]),
        ("<dl><dt>a<dd>b<dt>c</dl>", [["dl", "dt"], ["dl", "dd"], ["dl", "dt"]]),
        ("<table><tr><td>a<td>b<tr><th>c</table>d", [["table", "tr", "td"]] * 2 + [["table", "tr", "th"], []]),
        ("<table><tr><td><table><tr><td>a</table>b</table>", [["table", "tr", "td"] * 2, ["table", "tr", "td"]]),
        ("<h2>a<h3>b", [["h2"], ["h3"]]),
        ("<a>x<a>y</a>", [["a"]]),
        ("<div><b>a</div>b</b>", [["div", "b"], []]),
        ("<td>a</p></div>b</td>", [["td"], ["td"]]),
        ("<div>a</span>b</div>", [["div"]]),
        ("</p></div></html>a", [[]]),
        ("<head><title>t</title><meta x><p>a", [["p"]]),
        ("<x-part>a</x-part>b", [["?"]]),
        ("<my-element>a</my-element>b", [["?"], []]),
    ],
)
def test_end_tags_that_are_left_out_or_too_many(page: str, paths: list[list[str]]) -> None:
    assert tags_around(page) == paths


@pytest.mark.parametrize(
    ("page", "texts"),
    [
        ("a\n  b&nbsp;c\t<b> d</b>", ["a b c d"]),
        ("a<br>b<br><br>c<hr>d", ["a\nb", "c", "d"]),
        ("a<wbr>b&shy;c\u00add\u200be\ufeff", ["abcde"]),
        ("a<!-- b --><!>c<!doctype x><?php d ?>e<!-->f", ["acef"]),
        ("a<script>b<p></script>c<style>d</style>", ["ac"]),
        ("a<SCRIPT>b</ScRiPt >c", ["ac"]),
        ("a<script>b", ["a"]),
        ("a<!-- b", ["a"]),
        ("a<svg><text>b</text></svg>c<select><option>d</select>e", ["ac", "e"]),
        ("a<svg/>b", ["ab"]),
        ("<noscript>a</noscript><template>b</template>", ["a", "b"]),
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp>字</ruby>", ["漢字"]),
        ("<p hidden>a</p><p style='display:none'>b</p>", ["a", "b"]),
        ("1 < 2 <3 & 4 &lt; 5 <", ["1 < 2 <3 & 4 < 5 <"]),
        ("<textarea>a</textarea><title>b</title>c", ["c"]),
        ("<p>\u3000\u3000中\u3000文</p><p>\u3000</p>", ["中\u3000文"]),
        ("<p>a <br> </p><p><br>b</p>", ["a", "b"]),
        ("\0a\0", ["a"]),
        ("", []),
        ("   \n ", []),
    ],
)
def test_texts(page: str, texts: list[str]) -> None:
    assert block_texts(page) == texts


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<pre>\n  def f():\n\n      return 1\n\n</pre>", "  def f():\n\n      return 1"),
        ("<pre><code>\tif x:\r\n\t\ty = 1</code></pre>", "\tif x:\n\t\ty = 1"),
        ("<pre><span>a</span> <span>b</span>\n<b>  c</b></pre>", "a b\n  c"),
        ("<pre>&lt;p&gt;&nbsp;x</pre>", "<p> x"),
        ("<pre><b>def</b> f():\n    <b>return</b> 1\n  \n</pre>", "def f():\n    return 1"),
        ("<pre>  <i></i>  <b>x</b>\n&nbsp;&nbsp;y\n\t<b>z</b></pre>", "    x\n  y\n\tz"),
        ("<pre>  \n</pre><pre><b>x</b></pre>", "x"),
    ],
)
def test_code_stays_as_it_is(page: str, text: str) -> None:
    assert block_texts(page) == [text]


@pytest.mark.parametrize(
    ("page", "texts"),
    [
        ("so <math alttext='x^2'><mi>x</mi><mn>2</mn></math>.", ["so $x^2$."]),
        (
            "so <math><semantics><mrow><mi>a</mi><mo>+</mo></mrow>"
            "<annotation encoding='application/x-tex'>a &lt; b</annotation></semantics></math> is",
            ["so $a < b$ is"],
        ),
        ("<math><semantics><mi>x</mi><annotation encoding=TeX>x</annotation></semantics></math>", ["$x$"]),
        ("<math><mi>x</mi></math>", ["$x$"]),
        ("a <script type='math/tex'>x_1</script> b", ["a $x_1$ b"]),
        ("<p><script type='math/tex; mode=display'>\nx_1\n</script></p>", ["$$x_1$$"]),
        ("a <img class='latex' alt='\\alpha'>", ["a $\\alpha$"]),
        ("a <img class='photo' alt='A cat'>", ["a"]),
        (
            "<span class=katex><span class=katex-mathml><math><semantics><mi>x</mi><annotation "
            "encoding='application/x-tex'>x</annotation></semantics></math></span>"
            "<span class='katex-html' aria-hidden=true><span>x</span></span></span> is",
            ["$x$ is"],
        ),
    ],
)
def test_formulas_become_tex(page: str, texts: list[str]) -> None:
    assert block_texts(page) == texts


def test_columns_of_a_block() -> None:
    page = "<img><input><input type=hidden><hr><p>one <a href=x>two</a> <b>three</b><br>é</p>"
    arrays = scan(page)
    (row,) = arrays.blocks
    assert row[pg.CHARACTERS] == len("onetwothreeé")
    assert (row[pg.LINKED], row[pg.LINKS], row[pg.EMPHASES], row[pg.BREAKS]) == (3, 1, 1, 1)
    assert (row[pg.IMAGES], row[pg.FIELDS], row[pg.RULES]) == (1, 1, 1)


class Tokens(HTMLParser):
    """The text that Python's tokenizer finds outside of scripts and the like."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from(["<p>", "</p>", "<b class='x y'>", "</b>", "<br/>", "w", "é ", "&lt;", "<!-- c -->", "\n"])
    )
)
def test_all_text_is_kept_in_its_order(parts: list[str]) -> None:
    page = "".join(parts)
    tokens = Tokens()
    tokens.feed(page)
    tokens.close()
    assert "".join("".join(block_texts(page)).split()) == "".join("".join(tokens.texts).split())


@settings(max_examples=300)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    "<",
                    ">",
                    "</",
                    "<!--",
                    "<a ",
                    "<table>",
                    "<tr>",
                    "<td>",
                    "</table>",
                    "<pre>",
                    "<svg/>",
                    "<math alttext=",
                    "<script type='math/tex'>",
                    "</script>",
                    "&#",
                    "<li>",
                    "<annotation encoding=tex>",
                    "\n",
                    '"',
                    "<select>",
                ]
            ),
            st.text(max_size=4),
        ),
        max_size=40,
    )
)
def test_any_page_gives_blocks_within_its_text(parts: list[str]) -> None:
    page = "".join(parts).encode("utf-8", "replace")
    arrays = scan_page(np.frombuffer(page, np.uint8))
    at = 0
    for row in arrays.blocks:
        assert at <= row[pg.START] < row[pg.END] <= len(arrays.text)
        at = row[pg.END]
        assert 0 <= row[pg.ELEMENT] <= row[pg.INNERMOST] < len(arrays.elements)
        arrays.text[row[pg.START] : row[pg.END]].tobytes().decode()
    parents = arrays.elements[1:, pg.PARENT]
    assert (parents >= 0).all() and (parents < np.arange(1, len(arrays.elements))).all()
    assert (arrays.elements[:, pg.DEPTH] <= pg.MOST_DEPTH).all()


HOSTILE = {
    "deep": "<div>" * 300_000 + "x",
    "unclosed fonts": "<font color=red>" * 100_000 + "x",
    "attributes": "<p " + " ".join(f'a{i}="v"' for i in range(200_000)) + ">x",
    "end tags": "<div>" * 390 + "</p>" * 300_000 + "x",
    "comments": "<!--" * 400_000,
    "one line": "word " * 500_000,
    "links": "<a href=x>y</a>" * 100_000,
    "script": "<script>" + "</scrip" * 300_000 + "</script>x",
    "quotes": "<p a=" + "\"'" * 500_000,
    "ampersands": "&" * 1_000_000,
    "nulls": "\0" * 1_000_000 + "x",
    "rows": "<tr><td>" * 200_000,
    "annotations": "<math>a<annotation encoding=tex>" * 30_000,
    "classes": "".join(f'<i class="{" ".join("abcdefgh")} word{i}">' for i in range(20_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pages_take_linear_time(name: str) -> None:
    page = np.frombuffer(HOSTILE[name].encode(), np.uint8)
    scan_page(page[:1000])
    tracemalloc.start()
    start = time.process_time()
    scan_page(page)
    seconds = time.process_time() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 3  # the slowest takes 0.2 s
    assert peak < 60 * len(page) + (1 << 20)


def test_a_page_of_too_many_elements_is_refused() -> None:
    page = np.frombuffer(b"<i></i>" * (pg.MOST_ELEMENTS + 1), np.uint8)
    with pytest.raises(TooManyElementsError, match="500,000 elements or more"):
        scan_page(page)
