"""One document's page: its text in parts."""

from hypothesis import given
from hypothesis import strategies as st

from dspipe.pipeline.stage import Span
from dspipe.serve.document_story import mark_text


def test_what_stages_mark() -> None:
    spans = [Span(2, 4, "a rule"), Span(4, 4, "cut here"), Span(6, 9, "another")]
    parts = [("ab", ""), ("cd", "a rule"), ("", "cut here"), ("ef", ""), ("ghi", "another"), ("j", "")]
    assert mark_text("abcdefghij", spans) == parts
    assert mark_text("", []) == []
    assert mark_text("abc", [Span(1, 9, "longer than what is shown"), Span(10, 12, "behind")]) == [
        ("a", ""),
        ("bc", "longer than what is shown"),
    ]


@given(st.text(max_size=30), st.lists(st.integers(0, 40), max_size=8))
def test_nothing_is_lost(text: str, borders: list[int]) -> None:
    borders = sorted(borders)
    spans = [Span(start, end, "x") for start, end in zip(borders[::2], borders[1::2], strict=False)]
    assert "".join(part for part, _ in mark_text(text, spans)) == text
