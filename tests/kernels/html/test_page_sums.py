"""What is summed over a page, against plain loops over the tree."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.html import block_words as bw
from dspipe.kernels.html import page_arrays as pg
from dspipe.kernels.html import page_sums as ps
from dspipe.kernels.html.class_words import CLASS_WORD_GROUPS, FAR
from dspipe.kernels.html.tags import NAMES, PathFlag
from dspipe.stages.extract.main_content import describe_page


def describe(page: str) -> tuple[pg.PageArrays, Any, ps.PageSums]:
    return describe_page(np.frombuffer(page.encode(), np.uint8))


def ancestors(arrays: pg.PageArrays, element: int) -> list[int]:
    """An element and those around it, from the innermost on, without the page."""
    path = []
    while element > 0:
        path.append(int(element))
        element = arrays.elements[element, pg.PARENT]
    return path


PIECES = [
    "<div class='post'>",
    "</div>",
    "<p>",
    "</p>",
    "<a>",
    "</a>",
    "<main>",
    "</main>",
    "<nav class=menu>",
    "</nav>",
    "some words of text ",
    "A long paragraph, that has more than eighty characters of text in it, as paragraphs mostly do. ",
    "<h1>title</h1>",
    "<li>",
    "<header>x</header>",
]


@settings(max_examples=150)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_as_plain_loops_sum(page: str) -> None:
    arrays, words, sums = describe(page)
    elements, blocks = arrays.elements, arrays.blocks
    inside = np.zeros((len(elements), ps.IN_COLUMNS), int)
    for block, row in enumerate(blocks):
        is_long = row[pg.CHARACTERS] > 80 and 3 * row[pg.LINKED] < row[pg.CHARACTERS]
        assert sums.is_long[block] == is_long
        for element in [*ancestors(arrays, row[pg.INNERMOST]), 0]:
            inside[element] += [
                row[pg.CHARACTERS],
                row[pg.LINKED],
                1,
                words[block, bw.FUNCTION],
                words[block, bw.COUNT],
                row[pg.CHARACTERS] * is_long,
            ]
    assert (sums.inside == inside).all()
    children = Counter(elements[1:, pg.PARENT].tolist())
    twins = Counter((row[pg.PARENT], row[pg.SIGNATURE]) for row in elements[1:])
    for element in range(1, len(elements)):
        row = elements[element]
        assert sums.siblings[element] == children[row[pg.PARENT]]
        assert sums.equal[element] == twins[row[pg.PARENT], row[pg.SIGNATURE]]
        assert sums.in_top[element] == (int(sums.totals[ps.TOP]) in ancestors(arrays, element))
    texts = [arrays.text[b[pg.START] : b[pg.END]].tobytes().lower().split() for b in blocks]
    assert sums.copies.tolist() == [texts.count(text) for text in texts]
    assert sums.copy.tolist() == [texts[:i].count(text) for i, text in enumerate(texts)]
    assert sums.totals[ps.ALL_CHARACTERS] == blocks[:, pg.CHARACTERS].sum()


def test_flags_are_inherited_and_the_header_of_an_article_is_told_apart() -> None:
    arrays, _, sums = describe("<header>a</header><article><header>b</header><footer>c</footer></article><p hidden>d")
    flags = [PathFlag(int(sums.flags[block[pg.INNERMOST]])) for block in arrays.blocks]
    assert flags == [
        PathFlag.HEADER,
        PathFlag.ARTICLE | PathFlag.ARTICLE_HEADER,
        PathFlag.ARTICLE | PathFlag.ARTICLE_FOOTER,
        PathFlag.PARAGRAPH | PathFlag.HIDDEN,
    ]


def test_class_words_are_as_far_as_the_blocks_between() -> None:
    arrays, _, sums = describe("<body class=search><div class='the-sidebar'><p><b>a</b></p></div>b")
    groups = {word: number for number, group in enumerate(CLASS_WORD_GROUPS) for word in group}
    near = [sums.near[block[pg.INNERMOST]] for block in arrays.blocks]
    assert near[0][groups["sidebar"]] == 1
    assert near[1][groups["sidebar"]] == FAR
    assert near[0][groups["search"]] == FAR  # the classes of body are the page's


def test_blocks_of_one_path_are_counted_together() -> None:
    _, _, sums = describe("<ul>" + "<li class=x><a>item</a></li>" * 5 + "</ul><p>other</p>")
    assert sums.path_blocks.tolist() == [5] * 5 + [1]
    assert sums.path_linked.tolist() == [20] * 5 + [0]


@pytest.mark.parametrize("page", ["", "text", "<p>"])
def test_pages_with_hardly_anything(page: str) -> None:
    arrays, _, sums = describe(page)
    assert len(sums.path_blocks) == len(arrays.blocks)
    assert NAMES[arrays.elements[0, pg.TAG]] == "?"
