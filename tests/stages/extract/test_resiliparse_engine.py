"""Resiliparse's text: main content or the whole page, and pages that would take it minutes."""

import time
from typing import Any

import pytest

from dspipe.stages.extract.resiliparse_engine import (
    MAX_DEPTH,
    ResiliparseOptions,
    count_markup,
    extract_with_resiliparse,
)


def extract(page: str, **options: Any) -> str:
    return extract_with_resiliparse(page, ResiliparseOptions(**options), True).strip()


def test_main_content_and_the_whole_page() -> None:
    words = "Words of an article that is long enough to be taken for one. " * 20
    menu = "<nav><ul><li><a href='/'>Home</a></li><li><a href='/a'>About</a></li></ul></nav>"
    page = f"<html><body>{menu}<main><p>{words}</p></main></body></html>"
    assert "About" not in extract(page)
    assert "About" in extract(page, main_content=False)
    only_menu = f"<html><body>{menu}</body></html>"
    assert "About" in extract(only_menu)
    assert "About" not in extract(only_menu, whole_page_below=0)


def test_deep_pages_take_linear_time() -> None:
    deep = "<div>" * 20_000 + "text at the bottom" + "</div>" * 20_000
    assert count_markup(deep).depth > MAX_DEPTH
    start = time.process_time()
    assert extract(deep) == "text at the bottom"
    # two seconds more with the main content
    assert time.process_time() - start < 1.5


@pytest.mark.parametrize(
    "flat",
    ["<p>a</p>" * 5000, "<p>a" * 5000, "<br>" * 5000, "a < b" * 5000, "<li>x" * 5000, "<tr><td>" * 5000, "</p>" * 5000],
)
def test_flat_pages_are_not_deep(flat: str) -> None:
    assert count_markup(flat).depth <= MAX_DEPTH


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ("".join(f"<b id={i}><p>" for i in range(5000)) + "x", "5,000 formatting elements .* are open at once"),
        ("<p " + " ".join(f'a{i}="v"' for i in range(100_000)) + ">text</p>", "a tag has 100,000 attributes"),
        ("<font>" * 20_000, "20,000 formatting elements"),
    ],
)
def test_pages_that_would_take_minutes_are_refused(page: str, message: str) -> None:
    start = time.process_time()
    with pytest.raises(ValueError, match=message):
        extract(page)
    assert time.process_time() - start < 1
