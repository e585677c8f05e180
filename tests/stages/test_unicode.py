"""Unicode repair: what is changed, and that nothing that needs it is passed over."""

import unicodedata
from typing import Any

import ftfy
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from ftfy.chardata import CHARMAP_ENCODINGS
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.unicode import Config, Unicode
from tests.shared import shared
from tests.stages.sources.read_shard import read_all


def stage(**settings: Any) -> Unicode:
    return Unicode("unicode", Config(**settings))


def measure(texts: list[str], **settings: Any) -> list[dict[str, Any]]:
    batch = pa.record_batch({"id": [str(i) for i in range(len(texts))], "text": pa.array(texts, pa.large_string())})
    rows: list[dict[str, Any]] = stage(**settings).measure(batch).to_pylist()
    assert [row["id"] for row in rows] == [str(i) for i in range(len(texts))]
    return rows


def cleaned(text: str, **settings: Any) -> str:
    (row,) = measure([text], **settings)
    return str(row["text"])


def test_mojibake_is_repaired_by_line() -> None:
    rows = measure(["schÃ¶n\nschön\nplain\nâ€œquoteâ€\x9d", "plain"])
    assert [row["text"] for row in rows] == ["schön\nschön\nplain\n“quote”", "plain"]
    assert [row["unicode.repaired"] for row in rows] == [2, 0]


@pytest.mark.parametrize(
    "text", ["schöne Grüße", "naïve café", "Съешь ещё булок", "日本語の文章", "“¿Qué?” —dijo", "한국어"]
)
@pytest.mark.parametrize("encoding", CHARMAP_ENCODINGS)
def test_all_that_ftfy_repairs_is_found(text: str, encoding: str) -> None:
    try:
        broken = text.encode().decode(encoding)
    except UnicodeDecodeError:
        return
    expected = unicodedata.normalize("NFC", ftfy.fix_encoding(broken))
    assert cleaned(broken, controls=False) == expected


@pytest.mark.parametrize(
    ("text", "expected", "removed"),
    [
        ("a\r\nb\rc\u2028d\u2029e\x0cf", "a\nb\nc\nd\ne\nf", 0),
        ("a\r\n\r\nb\r\n", "a\n\nb\n", 0),
        ("soft\xadhyphen zero\u200bwidth \ufeffmark \x07bell\x1b", "softhyphen zerowidth mark bell", 5),
        ("a \x1b[31mred\x1b[0m \x1b[1;38;5;208mword\x1b[K", "a red word", 25),
        ("\x1b]0;title\x07\x1b]8;;https://a.example\x1b\\link\x1b]8;;\x1b\\ \x1b(Bx", "link x", 44),
        ("an array[31m] and \x1bEscape, \x1b]no end", "an array[31m] and Escape, ]no end", 2),
        (
            "ភាសា\u200bខ្មែរ ภาษา\u200bไทย ພາສາ\u200bລາວ မြန်မာ\u200bစာ",
            "ភាសា\u200bខ្មែរ ภาษา\u200bไทย ພາສາ\u200bລາວ မြန်မာ\u200bစာ",
            0,
        ),
        ("\u200bភាសា\u200b\u200bខ្មែរ\u200b។ \u200bx\u200by\u200b", "ភាសា\u200bខ្មែរ។ xy", 6),
        ("tab\tstays, نمی\u200cخواهم, 👩\u200d💻", "tab\tstays, نمی\u200cخواهم, 👩\u200d💻", 0),
    ],
)
def test_controls(text: str, expected: str, removed: int) -> None:
    (row,) = measure([text])
    assert row["text"] == expected
    assert row["unicode.removed"] == removed


def test_without_repair_an_escape_may_be_one_c1_character() -> None:
    assert cleaned("\x9b31mred\x9b0m \x9d0;title\x9cword", repair=False) == "red word"


def test_normalization() -> None:
    text = "e\u0301 \u212b \u1112\u1161\u11ab x² ﬁ a\u0323\u0307 a\u0307\u0323"
    assert cleaned(text) == unicodedata.normalize("NFC", text)
    assert cleaned(text, normalization="NFKC") == unicodedata.normalize("NFKC", text)
    assert cleaned(text, normalization=None) == text
    assert measure(["e\u0301\nb\ne\u0301"])[0]["unicode.normalized"] == 2


def test_everything_can_be_turned_off() -> None:
    text = "schÃ¶n\re\u0301\x07"
    assert cleaned(text, repair=False, controls=False, normalization=None) == text


def test_only_documents_of_the_domains_are_touched() -> None:
    batch = pa.record_batch({"text": pa.array(["e\u0301", "e\u0301"], pa.large_string()), "domain": ["web", "code"]})
    result = stage(domains=("web",)).measure(batch)
    assert result["text"].to_pylist() == ["é", "e\u0301"]
    assert "domains" in stage(domains=("web",)).measure_settings()


characters = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from("ÃÂâ€œ\x80\x9d\xa0¤ \r\n\u2028\u0301\u0327\u1161\u11a8\u0f71\u0f72\u093c\uac00가\ufffd"),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(characters, max_size=30), max_size=5))
def test_no_text_that_needs_it_is_passed_over(texts: list[str]) -> None:
    rows = measure(texts, repair=False)
    slow = stage(repair=False)
    for text, row in zip(texts, rows, strict=True):
        assert row["text"] == "\n".join(slow.clean(line)[0] for line in text.split("\n"))
        assert row["text"] == unicodedata.normalize("NFC", row["text"])
    again = measure([row["text"] for row in rows], repair=False)
    assert [row["text"] for row in again] == [row["text"] for row in rows]
    for text, row in zip(texts, measure(texts, controls=False, normalization="NFKC", repair=False), strict=True):
        assert row["text"] == unicodedata.normalize("NFKC", text)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(characters, max_size=30), max_size=5))
def test_repair_ends_in_valid_text(texts: list[str]) -> None:
    for row in measure(texts):
        row["text"].encode()


def test_ordinary_text_is_left_alone() -> None:
    from dspipe.stages.sources import jsonl

    path = shared("text/pud-parallel-8lang.jsonl.zst")
    rows, _ = read_all(jsonl.JsonlSource(jsonl.Config(name="s", format="jsonl", path="")), [path])
    texts = pa.array([row["text"] for row in rows], pa.large_string())
    done = stage().measure(pa.record_batch({"text": texts}))
    assert pc.sum(done["unicode.repaired"]).as_py() == 0
    assert pc.sum(pc.equal(done["text"], texts)).as_py() > 0.99 * len(rows)
