"""Borders that tokens span, against looking through all tokens."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.bpe.cut import joins_of, may_join, raw_joins
from dspipe.kernels.jit import entry
from tests.kernels.bpe.pieces import joined


@entry()
def _may_join(joins, left, right, last, first):  # type: ignore[no-untyped-def]
    return may_join(raw_joins(joins), left, right, last, first)


CHARACTERS = "aé中国人"


def spans(token: bytes, left: str, right: str) -> bool:
    """Whether the token holds bytes of both, side by side, as a part of some text."""
    text = left.encode() + right.encode()
    border = len(left.encode())
    for size in range(1, border + 1):
        for after in range(1, len(text) - border + 1):
            part = text[border - size : border + after]
            # inside the token, unless it goes on beyond what is known of the text
            begins_there = size < border
            ends_there = border + after < len(text)
            at = token.find(part)
            while at >= 0:
                if (not begins_there or at == 0) and (not ends_there or at + len(part) == len(token)):
                    return True
                at = token.find(part, at + 1)
    return False


TOKENS = st.lists(
    st.tuples(st.text(CHARACTERS, min_size=1, max_size=4), st.integers(0, 2), st.integers(0, 2)).map(
        lambda made: made[0].encode()[made[1] : len(made[0].encode()) - made[2]]
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=200)
@given(TOKENS)
def test_no_border_that_a_token_spans_is_cut(tokens: list[bytes]) -> None:
    data = np.frombuffer(b"".join(tokens), np.uint8)
    offsets = np.append(0, np.cumsum([len(token) for token in tokens])).astype(np.int64)
    with np.errstate(over="ignore"):
        joins = joins_of(data, offsets)
        for left, right in itertools.product(CHARACTERS, repeat=2):
            border = left.encode()[-1], right.encode()[0]
            if not _may_join(joins, ord(left), ord(right), *border):
                assert not any(spans(token, left, right) for token in tokens)


def test_most_borders_are_cut() -> None:
    data, offsets = joined(["中国", "人民", " the"])
    with np.errstate(over="ignore"):
        joins = joins_of(data, offsets)
        free = {
            left + right
            for left, right in itertools.product("中国人民", repeat=2)
            if not _may_join(joins, ord(left), ord(right), left.encode()[-1], right.encode()[0])
        }
    assert len(free) == 14 and not free & {"中国", "人民"}
