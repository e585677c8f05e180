"""Counting token ids, against plain Python."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.jit import INTERPRETED
from dspipe.kernels.token_counts import (
    FIRST_OUT_OF_RANGE,
    OPEN,
    OUT_OF_RANGE,
    PADDING,
    ROWS,
    SUMS,
    WITHOUT_END,
    count_tokens,
)

END, BEGIN = 1, 2


def counted(
    rows: list[list[int]], vocabulary: int, begin: int, pad: int, room: int, dtype: Any
) -> tuple[list[int], list[int], list[int]]:
    """counts, sums and lengths; the rows are given in two parts."""
    counts, sums = np.zeros(room, np.int64), np.zeros(SUMS, np.int64)
    sums[FIRST_OUT_OF_RANGE] = -1
    found: list[int] = []
    for part in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
        ids = np.array([token for row in part for token in row], dtype)
        ends = np.cumsum([len(row) for row in part], dtype=np.int64)
        lengths = np.zeros(len(ids), np.int64)
        n = count_tokens(ids, ends, vocabulary, END, begin, pad, counts, sums, lengths)
        found += lengths[:n].tolist()
    return counts.tolist(), sums.tolist(), found


def plainly(
    rows: list[list[int]], vocabulary: int, begin: int, pad: int, room: int
) -> tuple[list[int], list[int], list[int]]:
    counts, sums = [0] * room, [0] * SUMS
    sums[FIRST_OUT_OF_RANGE] = -1
    limit = min(room, vocabulary) if vocabulary >= 0 else room
    lengths, length = [], 0
    for number, row in enumerate(rows):
        wrong = [token for token in row if not 0 <= token < limit]
        for token in row:
            if 0 <= token < room:
                counts[token] += 1
        sums[OUT_OF_RANGE] += len(wrong)
        if wrong and sums[FIRST_OUT_OF_RANGE] < 0:
            sums[FIRST_OUT_OF_RANGE] = number
        filled = list(row)
        while filled and filled[-1] == pad:
            filled.pop()
        if pad == END and len(filled) < len(row):
            filled.append(END)
        sums[PADDING] += len(row) - len(filled)
        for token in filled:
            if token == begin and length:
                sums[WITHOUT_END] += 1
                length = 0
            length += 1
            if token == END:
                lengths.append(length)
                length = 0
    sums[OPEN], sums[ROWS] = length, len(rows)
    return counts, sums, lengths


@settings(deadline=None, max_examples=50 if INTERPRETED else 300)
@given(
    st.lists(st.lists(st.integers(0, 9), max_size=8), max_size=6),
    st.sampled_from([-1, 5, 8]),
    st.sampled_from([-1, BEGIN]),
    st.sampled_from([-1, 0, END]),
    st.sampled_from([6, 10]),
)
def test_as_plain_python(rows: list[list[int]], vocabulary: int, begin: int, pad: int, room: int) -> None:
    expected = plainly(rows, vocabulary, begin, pad, room)
    assert counted(rows, vocabulary, begin, pad, room, np.uint16) == expected


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_negative_ids_are_out_of_range(dtype: Any) -> None:
    rows = [[3, 4], [5, -7, 1], []]
    assert counted(rows, -1, -1, -1, 6, dtype) == plainly(rows, -1, -1, -1, 6)
