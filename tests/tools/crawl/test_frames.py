"""Frames: a page without its main text."""

from tests.tools.crawl.made import page, sentences
from tools.crawl.frames import open_page


def test_the_article_is_taken_out_and_the_rest_stays() -> None:
    found = open_page("http://a.example/", page("en", 1))
    assert found is not None
    frame, text = found
    said = sentences("en", 30, 1)
    assert (frame.language, frame.charset) == ("en", "utf-8")
    assert all(sentence in text for sentence in said)
    whole = (frame.head.raw + frame.tail.raw).decode()
    assert not any(sentence in whole for sentence in said)
    assert "Part 11" in whole
    assert "Imprint" in whole


def test_a_page_s_language_is_seen() -> None:
    found = open_page("http://a.example/", page("zh", 1).replace(b'lang="zh"', b'lang="en"'))
    assert found is not None
    assert found[0].language == "zh"


def test_pages_that_make_no_frame_are_left_out() -> None:
    assert open_page("http://a.example/", b"<html><body><p>Too short.</p></body></html>") is None
    assert (
        open_page("http://a.example/", page("en", 1).replace(b"utf-8", b"ascii").replace(b"Page 1", b"P\xff")) is None
    )
    assert open_page("http://a.example/", page("en", 1).replace(b"utf-8", b"x-nothing")) is None
