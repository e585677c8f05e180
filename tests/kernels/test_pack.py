"""Packing kernels against plain Python."""

from collections.abc import Iterator
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.hashing import FEW
from dspipe.kernels.jit import INTERPRETED
from dspipe.kernels.pack import copy_segments, fill_rows, join_documents, scale_hashes

WIDE = np.uint64(2**64 - 1)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    # uncompiled, numpy warns of the overflows that hashing is made of
    with np.errstate(over="ignore"):
        yield


@settings(deadline=None, max_examples=50 if INTERPRETED else 300)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_scale_hashes(value: int, start: int, width: int) -> None:
    start = min(start, 2**64 - 1 - width)
    found = scale_hashes(*(np.array([n], np.uint64) for n in (value, start, width)))
    many = scale_hashes(*(np.repeat(np.array([n], np.uint64), FEW + 1) for n in (value, start, width)))
    assert (many == found[0]).all()
    assert int(found[0]) == start + value * width // 2**64


documents = st.lists(st.lists(st.integers(0, 90), max_size=12), max_size=6)


@settings(deadline=None, max_examples=50 if INTERPRETED else 200)
@given(documents, st.booleans(), st.sampled_from([np.uint16, np.uint32]), st.randoms(use_true_random=False))
def test_join_documents(
    texts: list[list[int]], begin: bool, dtype: type[np.uint16 | np.uint32], random: Random
) -> None:
    tokens = np.array([token for text in texts for token in text], dtype)
    ends = np.cumsum([len(text) for text in texts]).astype(np.int64)
    starts = ends - np.array([len(text) for text in texts], np.int64)
    layouts = np.array([random.randrange(3) for _ in texts], np.uint8)
    cuts = np.array([sorted(random.randint(0, len(text)) for _ in "ab") for text in texts], np.int64).reshape(-1, 2)
    expected: list[int] = []
    for text, layout, (a, b) in zip(texts, layouts, cuts, strict=True):
        prefix, middle, suffix = text[:a], text[a:b], text[b:]
        body = {
            0: text,
            1: [93, *prefix, 94, *suffix, 95, *middle],
            2: [93, 94, *suffix, 95, *prefix, *middle],
        }[int(layout)]
        expected += ([91] if begin else []) + body + [92]
    out = np.zeros(len(expected), dtype)
    sentinels = np.array([93, 94, 95], np.int64)
    # the documents in reverse order in memory: order is that of starts, not of the tokens
    written = join_documents(tokens, starts, ends, 91 if begin else -1, 92, layouts, cuts, sentinels, out)
    assert written == len(expected)
    assert out.tolist() == expected


def test_join_documents_takes_any_order() -> None:
    tokens = np.array([1, 2, 3, 4], np.uint16)
    starts, ends = np.array([2, 0], np.int64), np.array([4, 1], np.int64)
    out = np.zeros(5, np.uint16)
    none = np.zeros((2, 2), np.int64)
    join_documents(tokens, starts, ends, -1, 9, np.zeros(2, np.uint8), none, np.empty(0, np.int64), out)
    assert out.tolist() == [3, 4, 9, 1, 9]


def test_copy_segments() -> None:
    stream = np.arange(10, dtype=np.uint32)
    rows = np.full(8, 99, np.uint32)
    copy_segments(stream, np.array([7, 0]), np.array([3, 2]), np.array([0, 5]), rows)
    assert rows.tolist() == [7, 8, 9, 99, 99, 0, 1, 99]


def fill_slowly(lengths: list[int], row_length: int, crop: bool) -> list[list[tuple[int, int]]]:
    """Row by row, the longest that fits; with crop, else the shortest that doesn't, cut."""
    left = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    rows = []
    while left:
        row: list[tuple[int, int]] = []
        space = row_length
        while space and left:
            fits = [i for i in left if lengths[i] <= space]
            if fits:
                chosen = fits[0]
            elif crop:
                shortest = min(lengths[i] for i in left)
                chosen = next(i for i in left if lengths[i] == shortest)
            else:
                break
            left.remove(chosen)
            row.append((chosen, min(space, lengths[chosen])))
            space -= row[-1][1]
        rows.append(row)
    return rows


@settings(deadline=None, max_examples=50 if INTERPRETED else 300)
@given(st.lists(st.integers(1, 20), max_size=30), st.integers(20, 40), st.booleans())
def test_fill_rows(lengths: list[int], row_length: int, crop: bool) -> None:
    row, kept = (np.full(len(lengths), -1, np.int64) for _ in "ab")
    count = fill_rows(np.array(lengths, np.int64), row_length, crop, row, kept)
    expected = fill_slowly(lengths, row_length, crop)
    assert count == len(expected)
    for number, pieces in enumerate(expected):
        for piece, length in pieces:
            assert (row[piece], kept[piece]) == (number, length)


def test_first_fit_decreasing_needs_few_rows() -> None:
    lengths = np.random.default_rng(1).integers(1, 4097, 20_000)
    row, kept = np.empty_like(lengths), np.empty_like(lengths)
    count = fill_rows(lengths, 4096, False, row, kept)
    fewest = -(-int(lengths.sum()) // 4096)
    assert fewest <= count <= 11 / 9 * fewest + 1
    assert np.bincount(row, kept).max() <= 4096


def test_fill_rows_of_one_length() -> None:
    lengths = np.full(7, 4, np.int64)
    row, kept = np.empty_like(lengths), np.empty_like(lengths)
    assert fill_rows(lengths, 4, False, row, kept) == 7
    assert row.tolist() == list(range(7))
