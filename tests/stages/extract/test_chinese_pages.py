"""The main content of real Chinese pages, against ranges that were read off them."""

import json

import numpy as np
import pytest

from benchmarks.extract import score
from benchmarks.extract_ranges import TruthError, characters, text_in_ranges
from dspipe.stages.extract.main_content import find_main_content
from dspipe.stages.extract.stage import decode_page
from tests.stages.extract.zh_news import RANGES, zh_news


def test_the_main_content_of_chinese_pages_is_found() -> None:
    """F1 by characters was 0.899 over these 64 pages; Resiliparse's 0.743, trafilatura's 0.781."""
    found = []
    for payload, media_type, truth in zh_news():
        page = find_main_content(np.frombuffer(decode_page(payload, media_type).encode(), np.uint8))
        found.append(score(characters(page.text()), characters(truth)))
    assert len(found) == 64
    precision, recall, f1 = (sum(values) / len(found) for values in zip(*found, strict=True))
    assert f1 > 0.89 and recall > 0.96 and precision > 0.86


def test_ranges_are_short_phrases() -> None:
    rows = [json.loads(line) for line in RANGES.read_text(encoding="utf-8").splitlines()]
    assert len({row["url"] for row in rows}) == len(rows) == 64
    assert all(0 < len(phrase) <= 20 for row in rows for pair in row["ranges"] for phrase in pair)


def test_text_in_ranges() -> None:
    blocks = ["首页", "标题", "标题", "第一段。", "广告", "第二段。", "标题"]
    assert text_in_ranges(blocks, [("标题", "段。"), ("第二", "段。")]) == "标题\n第一段。\n第二段。"
    with pytest.raises(TruthError, match="no blocks from '首页' to '首页'"):
        text_in_ranges(blocks, [("标题", "标题"), ("首页", "首页")])


def test_characters_and_words() -> None:
    assert characters("华为Mate20 发布 발표, mate20") == {"华": 1, "为": 1, "mate20": 2, "发": 1, "布": 1, "발표": 1}
