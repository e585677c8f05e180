"""Line removal: each rule by itself, the sums, and a slow version of the same."""

import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.lines import Config, Lines

OFF = {"javascript": False, "policy": False, "navigation": False, "counters": False}


def stage(**settings: Any) -> Lines:
    return Lines("lines", Config(**settings))


def measure(texts: list[str], **settings: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (
        stage(**settings).measure(pa.record_batch({"text": pa.array(texts, pa.large_string())})).to_pylist()
    )
    return rows


@pytest.mark.parametrize(
    ("rule", "line", "kept"),
    [
        ("javascript", "Please enable JavaScript to view this page.", "A java script."),
        ("policy", "This site uses cookies to do this and that for you.", "She bakes cookies."),
        ("policy", "Read our Privacy Policy", "A policy on privacy"),
        ("navigation", "Skip to content", "They skip to the music"),
        ("navigation", "← Back to top", "Back to the hotel we went."),
        ("navigation", "Read More…", "You should read more books"),
        ("navigation", "The latest from our blog: read more", "read more " + "and more " * 10),
        ("navigation", "© 2024 Example Corp. All rights reserved.", "All rights are reserved to the people."),
        ("navigation", "上一篇：数据管道", "上一篇" + "文章讨论了数据管道的设计与实现，" * 5),
        ("navigation", "Zum Inhalt springen", "Er kam zum Inhalt des Buches"),
        ("navigation", "Leave a Reply", "Leave a reply to her, she said."),
        ("navigation", "  • Related Posts:", "Related posts of soldiers were moved."),
        ("navigation", "© 2026 Someone · Privacy ∙ Terms", "The sign © stands for copyright."),
        ("navigation", "Oops! Something went wrong while submitting the form.", "Oops! Something went wrong."),
        ("navigation", "相关推荐", "相关推荐见下文。"),
        ("navigation", "    我要评论", "我要评论的是这本书。"),
        ("navigation", "资讯 > 社会 > 正文", "正文从这里开始。"),
        ("navigation", "首页 / 科技 / 正文", "首页的设计很好看。"),
        ("navigation", "您所在的位置： 首页 > 快讯", "您所在的位置很重要。"),
        ("navigation", "229条评论|5,874人参与网友评论", "他写了229条评论。"),
        ("navigation", "10月24日07:20举报1回复", "举报之后他回复了。"),
        ("navigation", "    回复 \xa0⋅\xa08条回复 4492\xa0", "他回复了8条。"),
        ("navigation", "返回网易首页 返回新闻首页", "他返回了，首页没有变。"),
        ("navigation", "扫描上方二维码下载客户端", "他扫了二维码。"),
        ("navigation", "备案号:京ICP备18020997号-6", "备案要三十天。"),
        ("counters", "1.2K views", "3 likes of mine"),
        ("counters", " 15 comments ", "15 comments were made."),
        ("numeric", "12 | 13.5 %", "12 apples"),
        ("uppercase", "HOME ABOUT CONTACT us", "NASA and ESA say so"),
        ("single_word", "Home", "数据管道"),
        ("terminal", "A line without an end", "A line (with an end.)"),
        ("terminal", "没有结尾", "有结尾。"),
        ("terminal", "घर में रहता है", "वह घर में रहता है।"),
        ("terminal", "没有结尾；", "ሰው ቤት ሄደ፡፡"),
        ("terminal", "Kein Ende", "มนุษย์ทุกคนมีสิทธิ"),
        ("single_word", "विद्यालय", "ꦲꦏ꧀ꦱꦫꦗꦮ"),
        ("single_word", "ქალაქი", "བོད་ཡིག"),
    ],
)
def test_rules(rule: str, line: str, kept: str) -> None:
    text = f"First line.\n{line}\n\n{kept}\nLast line."
    (row,) = measure([text], **(OFF | {rule: True}))
    assert row["text"] == f"First line.\n\n{kept}\nLast line."
    assert (row["lines.removed"], row["lines.removed_bytes"]) == (1, len(line.encode()) + 1)
    (row,) = measure([text], **OFF)
    assert row["text"] == text


def test_min_words() -> None:
    text = "Too short.\nThis one has five words.\n数据管道\n\nสวัสดี"
    assert measure([text], min_words=5)[0]["text"] == "This one has five words.\n数据管道\n\nสวัสดี"


def test_documents_keep_their_places() -> None:
    texts = ["", "Skip to content", "Text.\nRead more", "\n\nRead more\n", "Text."]
    rows = measure(texts)
    assert [row["text"] for row in rows] == ["", "", "Text.", "\n\n", "Text."]
    assert [row["lines.removed"] for row in rows] == [0, 1, 1, 1, 0]
    assert measure([]) == []


def test_only_documents_of_the_domains_are_touched() -> None:
    batch = pa.record_batch(
        {"text": pa.array(["javascript", "javascript"], pa.large_string()), "domain": ["web", "code"]}
    )
    assert stage(domains=("web",)).measure(batch)["text"].to_pylist() == ["", "javascript"]


pieces = st.sampled_from(
    [
        "javascript",
        "Skip to",
        "read more",
        "3 likes",
        "3",
        " likes",
        "上一篇",
        "首页",
        " ",
        "\n",
        "a",
        ".",
        "É",
        "\r",
        "\u2028",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(pieces, max_size=10).map("".join), max_size=5))
def test_no_line_is_passed_over(texts: list[str]) -> None:
    lines = stage()
    for text, row in zip(texts, measure(texts), strict=True):
        split = text.split("\n")
        removed = lines.removed(pa.array(split, pa.large_string()))
        assert row["text"] == "\n".join(line for line, gone in zip(split, removed, strict=True) if not gone)
        assert row["lines.removed"] == removed.sum()


C4 = OFF | {
    "javascript": True,
    "policy": True,
    "min_words": 3,
    "max_word": 12,
    "empty": True,
    "citations": True,
}
c4_pieces = st.sampled_from(
    [
        "one two three",
        "[edit]",
        "[12]",
        "[]",
        " ",
        "\n",
        "a",
        "ex" * 6,
        "ex" * 6 + "y",
        "javascript",
        "use cookies",
        ".",
    ]
)


def plain_c4_lines(text: str) -> str:
    """The lines that C4 keeps, stripped and without citations."""
    kept = []
    for line in text.split("\n"):
        words = line.split()
        long, low = any(len(word) > 12 for word in words), line.lower()
        if len(words) >= 3 and not long and "javascript" not in low and "use cookies" not in low:
            kept.append(re.sub(r"\[\d*\]|\[edit\]", "", line.strip()))
    return "\n".join(kept)


@settings(max_examples=300, deadline=None)
@given(st.lists(c4_pieces, max_size=25).map("".join))
def test_lines_as_c4_keeps_them(text: str) -> None:
    found = measure([text], **C4)[0]["text"]
    # the line feed at the very end stays
    assert found.removesuffix("\n") == plain_c4_lines(text)


def test_empty_lines_of_a_long_text_taken_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "one two three\n\n \njavascript\n\nfour five six \n" * 9 + "\n\nseven eight nine"
    whole = measure([text], **C4)[0]["text"]
    monkeypatch.setattr("dspipe.stages.shared.rewriting.PART", 20)
    assert measure([text], **C4)[0]["text"] == whole == "one two three\nfour five six\n" * 9 + "seven eight nine"


def test_pages_that_lose_too_many_words_are_dropped() -> None:
    texts = ["word " * 19 + "\njavascript", "word " * 18 + "\njavascript is", "word", "javascript"]
    one = stage(max_removed=0.05)
    batch = one.measure(pa.record_batch({"text": pa.array(texts, pa.large_string())}))
    assert batch["lines.removed_share"].to_pylist() == [pytest.approx(0.05), pytest.approx(0.1), 0, 1]
    dropped = "lines.too_much_removed"
    assert one.judge(batch.select(list(one.judge_columns()))).to_pylist() == [None, dropped, None, dropped]
    assert one.measure_settings() == stage(max_removed=0.5).measure_settings() != stage().measure_settings()
    (threshold,) = one.thresholds()
    assert (threshold.column, threshold.value) == ("lines.removed_share", 0.05)
