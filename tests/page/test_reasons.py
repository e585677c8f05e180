"""Texts of samples, with what stages mark in them."""

from dspipe.page.reasons import TEXT_CHARACTERS, Part, _parts
from dspipe.pipeline.stage import Span


def test_what_is_marked_stands_apart() -> None:
    assert _parts("one two three", [Span(4, 7, "again"), Span(13, 13, "cut out")]) == [
        Part("one ", ""),
        Part("two", "again"),
        Part(" three", ""),
        Part("⌿", "cut out"),
    ]
    assert _parts("", []) == []


def test_of_a_long_text_the_part_around_the_first_mark_is_shown() -> None:
    text = "a" * 2000 + "bad" + "b" * 2000
    parts = _parts(text, [Span(2000, 2003, "why"), Span(4000, 4001, "far away")])
    assert parts[0] == Part("… ", "") and parts[2] == Part("bad", "why")
    assert sum(len(part.text) for part in parts[1:]) == TEXT_CHARACTERS
    assert _parts(text, [])[0].text == text[:TEXT_CHARACTERS]
    assert [len(part.text) for part in _parts(text, [Span(500, 3000, "long")])] == [2, 150, 450]
