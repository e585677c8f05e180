"""What is shown of text that could steer a terminal."""

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.visible_text import visible, visible_json, visible_line

ANY = st.text(st.characters(exclude_categories=()))
TRICKY = "\x1b]0;title\x07\x1b[2J\x9b1m\r\u202egnp.exe\u2066\ufeff\ud83d\U000e0041\x7f\0"


def test_controls_are_written_out_and_text_stays() -> None:
    assert visible("\x1b[2J gnp\u202e") == "\\x1b[2J gnp\\u202e"
    assert visible("a\tb\nc\r") == "a\tb\nc\\r"
    assert visible_line("a\tb\nc") == "a\\tb\\nc"
    # joiners make words of Persian and Hindi, and families of emoji
    for text in ("münchen.de", "نامه\u200cای", "क्\u200dष", "👩\u200d👧", "中文", "a\\b"):
        assert visible_line(text) == text


@given(ANY)
def test_nothing_is_sent_that_steers_a_terminal(text: str) -> None:
    for shown in (visible(text + TRICKY), visible_line(text + TRICKY), visible_json(text + TRICKY)):
        shown.encode()
        assert {unicodedata.category(c) for c in shown} & {"Cc", "Cs", "Zl", "Zp"} <= {"Cc"}
        assert {c for c in shown if unicodedata.category(c) == "Cc"} <= {"\t", "\n"}
        assert not {unicodedata.bidirectional(c) for c in shown} & {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI"}


def whole(value: dict[str, str]) -> dict[bytes, bytes]:
    """Two surrogates that meet are one character to JSON."""
    return {k.encode("utf-16", "surrogatepass"): v.encode("utf-16", "surrogatepass") for k, v in value.items()}


@given(st.dictionaries(ANY, ANY, max_size=3))
def test_json_keeps_its_value(value: dict[str, str]) -> None:
    value = {**value, TRICKY: TRICKY}
    shown = visible_json(json.dumps(value, ensure_ascii=False))
    assert whole(json.loads(shown)) == whole(value)
    assert shown.isprintable() or not any(unicodedata.category(c) == "Cc" for c in shown)
