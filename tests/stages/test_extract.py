"""Extraction: encodings, what counts as text, and pages that are hard on the extractor."""

import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.extract import _MAX_DEPTH, ExtractConfig, ExtractStage, _parsable, _tidied
from dspipe.stages.sources import warc
from tests.shared import shared
from tests.stages.sources.read_shard import LocalReading, read_all

RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю. "
JAPANESE = "これは日本語の文章です。文字コードを調べるために書きました。"
CHINESE = "数据管道从网页档案中提取正文，去除重复内容，然后训练分词器。"


def stage(**settings: Any) -> ExtractStage:
    return ExtractStage("extract", ExtractConfig(**settings))


def page(text: str, head: str = "") -> str:
    return f"<html><head>{head}<title>x</title></head><body><article><p>{text}</p></article></body></html>"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (CHINESE, "gb2312"),
        (CHINESE, "gb18030"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc-jp"),
        (JAPANESE, "iso-2022-jp"),
        (RUSSIAN, "windows-1251"),
        (RUSSIAN, "koi8-r"),
        ("Grüße aus dem schönen München", "iso-8859-1"),
        ("한국어 문장입니다. 문자 인코딩을 확인합니다.", "euc-kr"),
    ],
)
@pytest.mark.parametrize("where", ["header", "meta", "nowhere", "wrongly"])
def test_encodings(text: str, encoding: str, where: str) -> None:
    if where in ("nowhere", "wrongly"):
        text *= 10
    head = f'<meta charset="{encoding}">' if where == "meta" else ""
    declared = {"header": f'text/html; Charset="{encoding}"', "wrongly": "text/html; charset=utf-8"}
    content = page(text, head).encode(encoding)
    assert stage().extract(content, declared.get(where, "text/html")) == text.strip()


def test_utf8_wins_over_a_wrong_declaration() -> None:
    assert stage().extract(page(CHINESE).encode(), "text/html; charset=gbk") == CHINESE
    assert stage().extract(page(CHINESE).encode("utf-16"), "text/html") == CHINESE
    assert stage().extract(page("a\0b \x00 &#0; c").encode(), "text/html").count("\0") == 0


def test_invalid_bytes_are_replaced() -> None:
    content = page("Grüße aus München, schöne Tage und süße Äpfel " * 20).encode().replace(b"Tage", b"T\xffge", 1)
    text = stage().extract(content, "text/html; charset=utf-8")
    assert text.count("\ufffd") == 1
    assert "süße" in text


def test_plain_text_is_only_decoded() -> None:
    assert stage().extract("<p>Grüße</p>\n".encode("latin-1"), "text/plain; charset=latin1") == "<p>Grüße</p>"


def test_main_content_and_the_whole_page() -> None:
    words = "Words of an article that is long enough to be taken for one. " * 20
    menu = "<nav><ul><li><a href='/'>Home</a></li><li><a href='/a'>About</a></li></ul></nav>"
    content = f"<html><body>{menu}<main><p>{words}</p></main></body></html>".encode()
    assert "About" not in stage().extract(content, "text/html")
    assert "About" in stage(main_content=False).extract(content, "text/html")
    only_menu = f"<html><body>{menu}</body></html>".encode()
    assert "About" in stage().extract(only_menu, "text/html")
    assert "About" not in stage(whole_page_below=0).extract(only_menu, "text/html")


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
    assert stage(main_content=False).extract(page.encode(), "text/html") == expected


def test_empty_lines_are_two_on_end_at_most() -> None:
    page = "<pre>def a():\n    pass\n\n\ndef b():\n    pass\n\n \n\u3000\n\n    c</pre>"
    text = stage(main_content=False).extract(page.encode(), "text/html; charset=utf-8")
    assert text == "def a():\n    pass\n\n\ndef b():\n    pass\n\n\n    c"


@pytest.mark.parametrize("text", ["<img " + "a=" * 50_000, "\n" + " " * 50_000, "<img a=b>\n" * 5_000 + "x"])
def test_tidying_takes_linear_time(text: str) -> None:
    start = time.process_time()
    _tidied(f"x\n{text}\ny")
    _tidied(text)
    assert time.process_time() - start < 2


def test_measure_fills_text_and_judge_drops_what_has_none() -> None:
    content = [page("some words").encode(), None, b"", b"<script>x</script>"]
    batch = pa.record_batch(
        {
            "text": pa.array(["", "own text", "", ""], pa.large_string()),
            "content": pa.array(content, pa.large_binary()),
            "content_type": ["text/html", None, "text/plain", "text/html; charset=utf-8"],
        }
    )
    measured = stage().measure(batch)
    assert measured["text"].to_pylist() == ["some words", "own text", "", ""]
    assert measured["extract.characters"].to_pylist() == [10, None, 0, 0]
    reasons = stage().judge(measured.select(stage().judge_columns()))
    assert reasons.to_pylist() == [None, None, "extract.no_text", "extract.no_text"]
    assert stage().measure(batch.slice(0, 0)).num_rows == 0
    assert stage().measure(batch.slice(1, 1))["text"].to_pylist() == ["own text"]


def test_deep_pages_take_linear_time() -> None:
    deep = "<div>" * 20_000 + "text at the bottom" + "</div>" * 20_000
    assert _parsable(deep).depth > _MAX_DEPTH
    start = time.process_time()
    assert stage().extract(deep.encode(), "text/html") == "text at the bottom"
    # two seconds more with the main content
    assert time.process_time() - start < 1.5


@pytest.mark.parametrize(
    "flat",
    ["<p>a</p>" * 5000, "<p>a" * 5000, "<br>" * 5000, "a < b" * 5000, "<li>x" * 5000, "<tr><td>" * 5000, "</p>" * 5000],
)
def test_flat_pages_are_not_deep(flat: str) -> None:
    assert _parsable(flat).depth <= _MAX_DEPTH


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
        stage().extract(page.encode(), "text/html")
    assert time.process_time() - start < 1


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from([None, "", "text/html; charset=x", "text/plain; charset=utf-7", "ml;;"])
)
def test_any_bytes_give_valid_text(content: bytes, content_type: str | None) -> None:
    text = stage().extract(content, content_type)
    text.encode()
    assert "\0" not in text


def test_real_chinese_pages() -> None:
    names = ["web/zh-news-pages.warc.gz", "web/real-warc/cc-main-2020-34-slice.warc.gz"]
    paths: list[Path] = [shared(name) for name in names]
    source = warc.WarcSource(warc.Config(name="s", format="warc", path=""))
    rows, _ = read_all(source, paths, LocalReading(batch_bytes=1 << 26))
    extract = stage()
    texts = {row["url"]: extract.extract(row["content"], row["content_type"]) for row in rows}
    assert sum("的" in text for text in texts.values()) >= 60
    # two pages were damaged before they were archived: their bytes have U+FFFD itself
    damaged = {row["url"] for row in rows if b"\xef\xbf\xbd" in row["content"]}
    assert len(damaged) == 2
    assert not any("\ufffd" in text for url, text in texts.items() if url not in damaged)
