"""Extraction: encodings, engines, columns and verdicts, and pages that are hard on an extractor."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.extract.stage import ExtractConfig, ExtractStage, decode_page, utf8_page
from dspipe.stages.sources import warc
from dspipe.testing import LocalReading
from tests.shared import shared
from tests.stages.sources.read_shard import read_all

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


WORDS = "Words of an article that is long enough to be taken for one. " * 20
MENU = "<nav><ul><li><a href='/'>Home</a></li><li><a href='/a'>About</a></li></ul></nav>"


def test_main_content() -> None:
    content = f"<html><body>{MENU}<main><p>{WORDS}</p></main></body></html>".encode()
    assert stage().extract(content, "text/html") == WORDS.strip()
    assert stage().extract(f"<html><body>{MENU}</body></html>".encode(), "text/html") == ""


SMALL = f"""<html lang=en-GB><head><title>Counting words &amp; lines</title>
<link rel=canonical href="https://example.org/count">
<meta property="article:published_time" content="2024-05-06T07:00Z">
</head><body>{MENU}<main><article><h1>How to count words</h1>
<p>A word is a run of letters and digits. To count the words of a text, one goes through it from its first character to
its last and notes where a run begins. That is all there is to it, but a few cases want care, as the table shows.</p>
<pre><code>def count(text):
    return len(text.split())
</code></pre>
<h2>Cases that want care</h2>
<table><tr><th>text</th><th>words</th></tr><tr><td>it's</td><td>one or two</td></tr></table>
<p>Which of the two is right depends on what the numbers are for. For the length of a text it doesn't matter.</p>
</article></main><footer>© 2024 Example <a href=/imprint>Imprint</a></footer></body></html>"""


def test_a_small_page_keeps_its_title_code_and_table() -> None:
    text = stage().extract(SMALL.encode(), "text/html")
    assert text.startswith("How to count words\n\nA word is a run")
    assert "def count(text):\n    return len(text.split())" in text
    assert "\n\nCases that want care\n\ntext | words\nit's | one or two\n\nWhich" in text
    assert "Home" not in text and "Imprint" not in text
    markdown = stage(format="markdown").extract(SMALL.encode(), "text/html")
    assert markdown.startswith("# How to count words\n\n")
    assert "```\ndef count(text):\n    return len(text.split())\n```" in markdown
    assert "text | words\n--- | ---\n" in markdown


def measured(*pages: str, **settings: Any) -> pa.RecordBatch:
    content = [page.encode() for page in pages]
    batch = pa.record_batch(
        {
            "text": pa.array([""] * len(pages), pa.large_string()),
            "content": pa.array(content, pa.large_binary()),
            "content_type": ["text/html"] * len(pages),
        }
    )
    return stage(**settings).measure(batch)


def test_facts_of_the_page_are_columns() -> None:
    (row,) = measured(SMALL).to_pylist()
    assert row["extract.title"] == "Counting words & lines"
    assert row["extract.date"] == "2024-05-06"
    assert row["extract.language"] == "en-GB"
    assert row["extract.canonical"] == "https://example.org/count"
    assert row["extract.kind"] in ("article", "documentation")
    assert 1 / 7 < row["extract.kind_score"] <= 1
    assert 0.7 < row["extract.kept_share"] < 1
    assert 0.5 < row["extract.confidence"] <= 1


def test_pages_of_low_confidence_are_dropped_or_read_by_another_engine() -> None:
    assert stage(min_confidence=0.01).judge(measured(SMALL).select(stage().judge_columns())).to_pylist() == [None]
    dropped = stage(min_confidence=1.0).judge(measured(SMALL).select(stage().judge_columns()))
    assert dropped.to_pylist() == ["extract.low_confidence"]
    (row,) = measured(SMALL, fallback={"below": 1.0, "engine": "resiliparse"}).to_pylist()
    resiliparse = stage(engine="resiliparse").extract(SMALL.encode(), "text/html")
    assert row["text"] == resiliparse != stage().extract(SMALL.encode(), "text/html")
    assert row["extract.title"] == "Counting words & lines"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"engine": "resiliparse", "min_confidence": 0.5}, "only the engine dspipe says how sure it is"),
        ({"engine": "resiliparse", "fallback": {"engine": "resiliparse"}}, "only the engine dspipe"),
        ({"engine": "resiliparse", "format": "markdown"}, "no Markdown"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        stage(**settings).check()


def test_thresholds_read_no_page_again() -> None:
    assert stage().measure_settings() == stage(min_confidence=0.5, domains=("web",)).measure_settings()
    assert stage().measure_settings() != stage(format="markdown").measure_settings()


def test_measure_fills_text_and_judge_drops_what_has_none() -> None:
    content = [page(WORDS).encode(), None, b"", b"<script>x</script>"]
    batch = pa.record_batch(
        {
            "text": pa.array(["", "own text", "", ""], pa.large_string()),
            "content": pa.array(content, pa.large_binary()),
            "content_type": ["text/html", None, "text/plain", "text/html; charset=utf-8"],
        }
    )
    measured = stage().measure(batch)
    assert measured["text"].to_pylist() == [WORDS.strip(), "own text", "", ""]
    assert measured["extract.characters"].to_pylist() == [len(WORDS) - 1, None, 0, 0]
    reasons = stage().judge(measured.select(stage().judge_columns()))
    assert reasons.to_pylist() == [None, None, "extract.no_text", "extract.no_text"]
    assert stage().measure(batch.slice(0, 0)).num_rows == 0
    assert stage().measure(batch.slice(1, 1))["text"].to_pylist() == ["own text"]


@given(st.one_of(st.binary(max_size=60), st.text(max_size=40).map(str.encode)))
def test_a_page_that_is_utf8_is_taken_as_it_is(content: bytes) -> None:
    assert utf8_page(content, "text/html") == decode_page(content, "text/html").encode()


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
