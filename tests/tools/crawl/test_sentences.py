"""Sentences of texts."""

import gzip
import json
from pathlib import Path

import zstandard

from tests.tools.crawl.made import sentences
from tools.crawl.sentences import make_pools, read_texts, split_sentences


def test_sentences_end_where_they_end() -> None:
    text = "The first one is long enough. Is the second one long too?  Short. 这是第一句很长的话。这是第二句很长的话！"
    assert list(split_sentences(text)) == [
        "The first one is long enough.",
        "Is the second one long too?",
        "这是第一句很长的话。",
        "这是第二句很长的话！",
    ]
    assert (
        list(split_sentences("for (i = 0; i < longer; i++) {\n  do_something_with(it); }\n0 1 2 3 4 5 6 7 8 9")) == []
    )


def test_texts_are_read_from_every_compression(tmp_path: Path) -> None:
    line = (json.dumps({"lang": "en", "text": "Some words"}) + "\n").encode()
    (tmp_path / "a.jsonl").write_bytes(line)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(line))
    (tmp_path / "c.jsonl.zst").write_bytes(zstandard.compress(line))
    assert list(read_texts(sorted(tmp_path.iterdir()))) == [("en", "Some words")] * 3


def test_pools_hold_each_sentence_once_and_count_its_units() -> None:
    said = [line for line in sentences("en", 5200) if len(line) >= 25]
    pools = make_pools([("en-GB", "\n".join(said * 2)), ("zh", "\n".join(sentences("zh", 100))), ("code:c", "x")])
    assert list(pools) == ["en"]
    assert pools["en"].sentences == list(dict.fromkeys(said))
    assert pools["en"].units[0] == len(said[0].split())
