"""Cutting, by flags of bytes and characters."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers, text_column
from dspipe.kernels.dedup.cut_spans import Whole, cut_spans, merge_spans

IN_WORDS = "abZ9é\u0301İ한\u200d"
OTHERS = " \n.,漢กか😀𠀀\0"
TEXTS = st.lists(st.text(st.sampled_from(IN_WORDS + OTHERS), max_size=40), max_size=5)
SPANS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60), st.integers(1, 30)), max_size=8)


def cut_slowly(text: str, dropped: list[bool], whole: Whole) -> tuple[str, list[bool]]:
    """What is left of a text without the bytes that go, and which bytes went."""
    parts: list[str] = []
    cut, start = [False] * len(dropped), 0
    # characters, words or lines, each with its bytes
    if whole == "line":
        pieces = [line + "\n" for line in text.split("\n")]
        pieces[-1] = pieces[-1][:-1]
    elif whole == "word":
        pieces = []
        for character in text:
            if pieces and character in IN_WORDS and pieces[-1][-1] in IN_WORDS:
                pieces[-1] += character
            else:
                pieces.append(character)
    else:
        pieces = list(text)
    pending = ""
    for piece in pieces:
        size = len(piece.encode())
        if size and all(dropped[start : start + size]):
            cut[start : start + size] = [True] * size
            pending += piece
        elif size:
            if pending and whole == "word" and parts and parts[-1][-1] in IN_WORDS and piece[0] in IN_WORDS:
                parts.append("\n" if "\n" in pending else " ")
            parts.append(piece)
            pending = ""
        start += size
    return "".join(parts), cut


@settings(deadline=None, max_examples=200)
@given(TEXTS, SPANS, st.sampled_from(["character", "word", "line"]))
def test_the_same_as_by_flags(texts: list[str], spans: list[tuple[int, int, int]], whole: Whole) -> None:
    raw = [text.encode() for text in texts]
    dropped = [[False] * len(text) for text in raw]
    given_spans = []
    for row, start, size in spans:
        if row < len(raw) and start < len(raw[row]):
            end = min(start + size, len(raw[row]))
            dropped[row][start:end] = [True] * (end - start)
            given_spans.append((row, start, end))
    columns = np.array(given_spans, np.int64).reshape(-1, 3)
    merged = merge_spans(columns[:, 0], columns[:, 1], columns[:, 2])
    flags = [[False] * len(text) for text in raw]
    last = (-1, 0)
    for row, start, end in zip(*(values.tolist() for values in merged), strict=True):
        assert row > last[0] or start > last[1]
        last = row, end
        flags[row][start:end] = [True] * (end - start)
    assert flags == dropped
    # a slice: its first offset isn't 0
    column = pa.array(["ab", *texts], pa.large_string()).slice(1)
    data, offsets, cut = cut_spans(*text_buffers(column), *merged, whole)
    expected = [cut_slowly(text, flags, whole) for text, flags in zip(texts, dropped, strict=True)]
    assert text_column(data, offsets).to_pylist() == [text for text, _ in expected]
    flags = [[False] * len(text) for text in raw]
    for row, start, end in zip(*(values.tolist() for values in cut), strict=True):
        assert start < end
        flags[row][start:end] = [True] * (end - start)
    assert flags == [cut for _, cut in expected]


@pytest.mark.parametrize(
    ("whole", "left"),
    [
        ("character", "Alice wantedstore.\nBob lié."),
        ("word", "Alice wanted store.\nBob likes café."),
        ("line", "Alice wanted to go to the store.\nBob likes to drink café."),
    ],
)
def test_where_a_cut_is_made(whole: Whole, left: str) -> None:
    text = "Alice wanted to go to the store.\nBob likes to drink café."
    raw = text.encode()
    first = raw.index(b" to go"), raw.index(b"store")
    second = raw.index(b"kes to"), raw.index(b"caf") + 4  # the first byte of the last letter
    spans = merge_spans(np.zeros(2, np.int64), np.array([first[0], second[0]]), np.array([first[1], second[1]]))
    data, offsets, _ = cut_spans(*text_buffers(pa.array([text], pa.large_string())), *spans, whole)
    assert text_column(data, offsets).to_pylist() == [left]
