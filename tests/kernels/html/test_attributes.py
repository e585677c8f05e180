"""Attributes of a start tag against Python's own HTML parser."""

from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.html import attributes as at
from dspipe.kernels.html.lookup import name_key
from dspipe.kernels.html.tags import PathFlag

NAMES = ["class", "id", "href", "content", "data-x", "TYPE", "lang"]


class Read:
    """The attributes of a tag as the kernel reads them, from behind its name."""

    def __init__(self, tag: str) -> None:
        data = np.frombuffer(tag.encode(), np.uint8)
        spans = np.zeros((at.ATTRIBUTE_COUNT, 2), np.int64)
        start = next(i for i, byte in enumerate(data) if byte in b" />")
        words = np.zeros(64, np.uint64)
        self.end, words, count, flags, self.classes, seen, self.closed = at.read_attributes(
            data, start, len(data), words, 0, spans
        )
        self.words = [int(word) for word in words[:count]]
        self.flags = PathFlag(flags)
        self.values = {
            at._NAMES[k]: data[spans[k, 0] : spans[k, 1]].tobytes().decode()
            for k in range(at.ATTRIBUTE_COUNT)
            if seen >> k & 1
        }


class Parser(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found = attrs


value = st.text(st.characters(exclude_characters="&\"'<>`=\0\r", exclude_categories=["Cs", "Cc"]), max_size=8)


@given(st.lists(st.tuples(st.sampled_from(NAMES), value, st.sampled_from(['"', "'"])), max_size=5))
def test_values_are_those_of_pythons_parser(attributes: list[tuple[str, str, str]]) -> None:
    tag = "<p" + "".join(f" {name} = {quote}{text}{quote}" for name, text, quote in attributes) + ">"
    parser = Parser()
    parser.feed(tag)
    expected: dict[str, str] = {}
    for name, text in parser.found:
        if name in at._NAMES:
            expected.setdefault(name, text or "")
    read = Read(tag + "behind")
    assert (read.values, read.end) == (expected, len(tag.encode()))


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ('<p class="post-body postTitle x HTMLText">', ["post", "body", "post", "title", "htmltext"]),
        ("<p id=sidebar_2 data-testid=main>", ["sidebar", "main"]),
        ("<p class='" + "word " * 50 + "'>", ["word"] * at.WORDS_OF_AN_ATTRIBUTE),
        ("<p href=one title=two>", []),
    ],
)
def test_words_of_classes(tag: str, words: list[str]) -> None:
    assert Read(tag).words == [name_key(word) for word in words]


def test_more_words_than_there_was_room_for() -> None:
    tag = "<p " + " ".join(f'{name}="{"word " * 30}"' for name in ("class", "id", "data-testid")) + ">"
    assert Read(tag).words == [name_key("word")] * 3 * at.WORDS_OF_AN_ATTRIBUTE


@pytest.mark.parametrize(
    ("tag", "flags"),
    [
        ('<div role="Navigation">', PathFlag.NAV),
        ('<div role="main article">', PathFlag.MAIN | PathFlag.ARTICLE),
        ("<div itemprop=articleBody>", PathFlag.CONTENT),
        ("<div hidden>", PathFlag.HIDDEN),
        ("<div aria-hidden=true>", PathFlag.HIDDEN),
        ("<div aria-hidden=false>", PathFlag(0)),
        ('<div style="color: red; DISPLAY : none">', PathFlag.HIDDEN),
        ('<div style="display: block">', PathFlag(0)),
        ("<div class='sr-only'>", PathFlag.SCREEN_READER),
    ],
)
def test_what_they_say_of_the_text(tag: str, flags: PathFlag) -> None:
    assert Read(tag).flags == flags


def test_tags_that_close_themselves() -> None:
    assert Read("<svg />").closed and Read("<svg/>").closed
    assert not Read("<svg / a>").closed and not Read("<a href=x/>").closed


@given(st.text(st.sampled_from("abc \"'=<>/\n"), max_size=60))
def test_any_bytes_end(text: str) -> None:
    data = np.frombuffer(f"<p {text}".encode(), np.uint8)
    end = Read("<p " + text).end
    assert 3 <= end <= len(data)
