"""Ends of texts, and runs of empty lines."""

import time

import pytest

from dspipe.stages.extract.stage import ExtractConfig, ExtractStage
from dspipe.stages.extract.tidy import tidy


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("&lt;img height=&quot;1&quot; src=&quot;http://t.example/p&quot;/&gt;", "", ""),
        ("<noframes><img height=1 src=x></noframes>", "&lt;iframe src='y'&gt;&lt;/iframe&gt;", ""),
        ("<p>&lt;img&gt; shows an image</p>", "", "<img> shows an image"),
        ("<h1>&lt;table&gt;: The Table element</h1>", "", "<table>: The Table element"),
    ],
)
def test_media_written_as_text_at_both_ends_go(before: str, after: str, text: str) -> None:
    """Pages that speak of tags keep them, at the beginning too, and everything within the text stays."""
    middle = "Some words of it.\n\n<img src='z'> stands here.\n\nMore words."
    page = f"<body>{before}<p>Some words of it.</p><p>&lt;img src='z'&gt; stands here.</p><p>More words.</p>{after}"
    expected = f"{text}\n\n{middle}" if text else middle
    config = ExtractConfig.model_validate({"engine": "resiliparse", "resiliparse": {"main_content": False}})
    assert ExtractStage("extract", config).extract(page.encode(), "text/html") == expected


def test_empty_lines_are_two_on_end_at_most() -> None:
    text = "def a():\n    pass\n\n\ndef b():\n    pass\n\n \n\u3000\n\n    c"
    assert tidy(text) == "def a():\n    pass\n\n\ndef b():\n    pass\n\n\n    c"


@pytest.mark.parametrize("text", ["<img " + "a=" * 50_000, "\n" + " " * 50_000, "<img a=b>\n" * 5_000 + "x"])
def test_tidying_takes_linear_time(text: str) -> None:
    start = time.process_time()
    tidy(f"x\n{text}\ny")
    tidy(text)
    assert time.process_time() - start < 2
