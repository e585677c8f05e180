"""Documents in the terminal."""

import io

import pytest
from rich.console import Console

from dspipe.pipeline.inspection.beside_limits import Measured
from dspipe.pipeline.inspection.sample import DocumentSample, Part, SampledDocument
from dspipe.pipeline.report.show_document_sample import print_document_sample
from dspipe.pipeline.stage import Span


def shown(document: SampledDocument, length: int = 400, wide: bool = True) -> str:
    out = io.StringIO()
    sample = DocumentSample([Part({}, None, 9, [document])], remarks=["so it is"])
    print_document_sample(sample, Console(file=out, width=80), length, wide)
    return out.getvalue()


def document(text: str | None, *spans: Span, measured: tuple[Measured, ...] = ()) -> SampledDocument:
    return SampledDocument(
        "a", "http://x/\x1b[2J", "web", "en", "dropped", "s", "s.r", text=text, spans=spans, measured=measured
    )


def test_marks_are_written_out_where_there_are_no_colours() -> None:
    text = "one two one two"
    said = shown(document(text, Span(8, 15, "repeated"), Span(15, 15, "9 bytes cut")))
    assert said.startswith("note: so it is\n1 of 9 documents\n")
    assert "    one two >>one two<<[9 bytes cut]\n" in said
    assert "marked: repeated" in said
    assert ">>" not in shown(document(text, Span(8, 15, "repeated")), wide=False)


def test_a_text_is_shown_from_a_little_before_its_first_mark() -> None:
    text = "x" * 1000 + " HERE " + "y" * 1000
    said = shown(document(text, Span(1001, 1005, "it")), length=200)
    assert ">>HERE<<" in said and "..." in said and "(2,006 characters)" in said
    assert max(map(len, said.split("\n"))) <= 80


@pytest.mark.parametrize("text", ["a\x1b]0;PWNED\x07b", "\u202egnp.exe", "[red]no markup[/]"])
def test_nothing_of_a_document_steers_the_terminal(text: str) -> None:
    said = shown(document(text, Span(0, len(text), text)))
    assert "\x1b" not in said and "\u202e" not in said
    assert "http://x/\\x1b[2J" in said
    if "red" in text:
        assert "[red]no markup[/]" in said


def test_the_limit_that_dropped_it_comes_first_and_few_more() -> None:
    measured = [Measured("c", 7, f"at least {n}", f"s.{n}", True) for n in range(5)]
    said = shown(document("t", measured=(*measured, Measured("words", 12345.6, "at most 9", "s.r", True))))
    lines = [line.strip() for line in said.split("\n")]
    assert lines.index("words 12,346: asked is at most 9") + 1 == lines.index("c 7: asked is at least 0")
    assert "and 3 more limits that it breaks" in lines
