"""Two texts beside one another, what differs marked: by sentences and lines first, then by words within what differs.

What both have at their beginnings and ends costs next to nothing, however long. Of what is between them at most 64 Ki
characters of each are compared: of two texts of 64 kB in other words that takes a few tenths of a second.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_CHARACTERS = 1 << 16
_SENTENCES = 2_000
_WORD_PAIRS = 250_000
"""words of one side times words of the other, of a passage that is compared by words"""
_SENTENCE = re.compile(r"[^\n.!?。！？]*[\n.!?。！？]+\s*|[^\n.!?。！？]+")
_WORD = re.compile(r"(?:[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|\w+|[^\w\s])\s*|\s+")
_LAST_WORD, _LONGEST_WORD = re.compile(r"(?:\w+|\W)\Z"), 200

Kind = Literal["same", "only"]


@dataclass(frozen=True)
class Piece:
    """A part of a text that is in both, or in this one alone."""

    text: str
    kind: Kind


@dataclass(frozen=True)
class Passage:
    """Neighbouring parts of the two texts: the same but for white space, or each in its own text alone."""

    left: str
    right: str
    same: bool


@dataclass(frozen=True)
class Compared:
    """Both texts side by side, their ends left out where they are too long."""

    passages: list[Passage]
    left_out: int
    """characters at the ends, of both, that weren't compared"""

    @property
    def left(self) -> list[Piece]:
        """The left text in pieces."""
        return _pieces((passage.left, passage.same) for passage in self.passages)

    @property
    def right(self) -> list[Piece]:
        """The right text in pieces."""
        return _pieces((passage.right, passage.same) for passage in self.passages)


def compare_texts(left: str, right: str) -> Compared:
    """Both in passages. White space tells no two words apart, as for deduplication."""
    start = _common_beginning(left, right)
    end = min(_common_beginning(left[::-1], right[::-1]), min(len(left), len(right)) - start)
    a, b = (text[start : min(len(text) - end, start + _CHARACTERS)] for text in (left, right))
    out = sum(max(0, len(text) - end - start - _CHARACTERS) for text in (left, right))
    passages = [Passage(left[:start], right[:start], True), *_compare_sentences(a, b)]
    if out == 0:
        passages.append(Passage(left[len(left) - end :], right[len(right) - end :], True))
    return Compared(_joined(passages), out + 2 * end if out else 0)


def first_difference(one: str, other: str) -> int:
    """How many characters are the same at the beginning of both."""
    low, high = 0, min(len(one), len(other))
    while low < high:  # the longest common beginning, by halving
        half = (low + high + 1) // 2
        low, high = (half, high) if one[:half] == other[:half] else (low, half - 1)
    return low


def _common_beginning(one: str, other: str) -> int:
    """As `first_difference`, without the last word: it may go on, or have other white space behind it, in one text."""
    end = first_difference(one, other)
    if end == len(one) == len(other):
        return end
    spaceless = len(one[:end].rstrip())
    word = _LAST_WORD.search(one, max(0, spaceless - _LONGEST_WORD), spaceless)
    return word.start() if word else spaceless


def _compare_sentences(left: str, right: str) -> Iterator[Passage]:
    """The two texts by sentences, and by words where one has other sentences than the other."""
    for passage in _compare(_sentences(left), _sentences(right)):
        if passage.same or not passage.left or not passage.right:
            yield passage
            continue
        a, b = _WORD.findall(passage.left), _WORD.findall(passage.right)
        if len(a) * len(b) > _WORD_PAIRS:
            yield passage
        else:
            yield from _compare(a, b)


def _compare(a: Sequence[str], b: Sequence[str]) -> Iterator[Passage]:
    """Two texts by their parts, none of them empty."""
    # what stands everywhere is no place to begin from (autojunk): without it time grows with the cube of the length
    matcher = SequenceMatcher(None, _keys(a), _keys(b))
    for tag, a_start, a_end, b_start, b_end in matcher.get_opcodes():
        yield Passage("".join(a[a_start:a_end]), "".join(b[b_start:b_end]), tag == "equal")


def _keys(parts: Iterable[str]) -> list[str]:
    return [" ".join(part.split()) for part in parts]


def _sentences(text: str) -> list[str]:
    """A text's sentences; of very many the last one is all that is behind the others."""
    found = _SENTENCE.findall(text)
    return found if len(found) <= _SENTENCES else [*found[:_SENTENCES], "".join(found[_SENTENCES:])]


def _joined(passages: Iterable[Passage]) -> list[Passage]:
    """Neighbours of a kind as one, without empty ones."""
    found: list[Passage] = []
    for passage in passages:
        if not passage.left and not passage.right:
            continue
        if found and found[-1].same == passage.same:
            passage = Passage(found[-1].left + passage.left, found[-1].right + passage.right, passage.same)
            found.pop()
        found.append(passage)
    return found


def _pieces(parts: Iterable[tuple[str, bool]]) -> list[Piece]:
    """One text's parts, neighbours of a kind as one."""
    found: list[Piece] = []
    for text, same in parts:
        kind: Kind = "same" if same else "only"
        if text and found and found[-1].kind == kind:
            found[-1] = Piece(found[-1].text + text, kind)
        elif text:
            found.append(Piece(text, kind))
    return found
