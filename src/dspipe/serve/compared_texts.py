"""Two texts beside one another, what differs marked."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

_WORDS = 2_000
"""of each text: the comparison takes up to their product"""
_PIECES = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True)
class Piece:
    """A part of a text that is in both, or in this one alone."""

    text: str
    kind: Literal["same", "only"]


@dataclass(frozen=True)
class Compared:
    """Both texts in pieces."""

    left: list[Piece]
    right: list[Piece]
    left_out: int
    """characters at the ends that weren't compared"""


def compare_texts(left: str, right: str) -> Compared:
    """Compare word by word. Of long texts the beginnings are compared."""
    a, b = _PIECES.findall(left), _PIECES.findall(right)
    out = sum(map(len, a[_WORDS:])) + sum(map(len, b[_WORDS:]))
    a, b = a[:_WORDS], b[:_WORDS]
    # white space doesn't tell words apart
    matcher = SequenceMatcher(None, [word.strip() for word in a], [word.strip() for word in b], autojunk=False)
    pieces: tuple[list[Piece], list[Piece]] = [], []
    for tag, a_start, a_end, b_start, b_end in matcher.get_opcodes():
        kind: Literal["same", "only"] = "same" if tag == "equal" else "only"
        for found, words, start, end in ((pieces[0], a, a_start, a_end), (pieces[1], b, b_start, b_end)):
            if end > start:
                found.append(Piece("".join(words[start:end]), kind))
    return Compared(*pieces, out)
