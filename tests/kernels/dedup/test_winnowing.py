"""Anchors by their definition: each window chooses, by a few plain lines."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.winnowing import _GEAR, Anchors, Winnowing, gram_bytes, window_hashes

MASK = (1 << 64) - 1
WINDOWS = [16, 31, 32, 65, 128, 200]


def found(texts: list[bytes], window: int, room: int = 1 << 10) -> list[Anchors]:
    return list(Winnowing(*text_buffers(pa.array(texts, pa.large_binary())), window, room))


def joined(parts: list[Anchors]) -> Anchors:
    return Anchors._make(np.concatenate(values) for values in zip(*parts, strict=True))


def choices_slowly(text: bytes, window: int) -> list[int]:
    """For each window, where the gram begins that it chooses."""
    gram = gram_bytes(window)
    shift = 64 // gram

    def order(start: int) -> int:
        h = 0
        for byte in text[start : start + gram]:
            h = ((h << shift) + int(_GEAR[byte])) & MASK
        return h * 0x9E3779B97F4A7C15 & MASK

    orders = [order(start) for start in range(len(text) - gram + 1)]
    width = window - gram + 1
    firsts = range(len(text) - window + 1)
    return [min(range(first, first + width), key=lambda start: (orders[start], -start)) for first in firsts]


TEXTS = st.one_of(
    st.text("ab", max_size=400),
    st.text("abcdefgh é漢", max_size=300),
    st.tuples(st.text("ab-", min_size=1, max_size=40), st.integers(1, 30)).map(lambda pair: pair[0] * pair[1]),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(TEXTS, max_size=3), st.sampled_from(WINDOWS), st.integers(1, 12))
def test_each_window_has_the_anchor_that_it_chooses(texts: list[str], window: int, room: int) -> None:
    raw = [text.encode() for text in texts]
    for parts in (found(raw, window), found(raw, window, room)):
        owners = [(int(a.row[i]), int(a.start[i]) + k, int(a.start[i]) + int(a.gram_at[i]))
                  for a in parts for i in range(len(a.row)) for k in range(a.owned[i])]  # fmt: skip
        expected = [(row, k, at) for row, text in enumerate(raw) for k, at in enumerate(choices_slowly(text, window))]
        assert owners == expected
        assert all(len(part.row) <= room for part in parts[1:])


@pytest.mark.parametrize("window", WINDOWS)
def test_a_long_text_is_read_in_blocks(window: int) -> None:
    choose = random.Random(window)
    text = bytes(choose.choices(b"abcdef gh", k=20_000)) + b"-" * 9000
    anchors = joined(found([b"", text, text[:9000]], window, 100_000))
    chosen = choices_slowly(text, window)
    of_first = anchors.row == 1
    owners = np.repeat(anchors.start[of_first] + anchors.gram_at[of_first], anchors.owned[of_first])
    assert owners.tolist() == chosen
    # neighbours with the same choice are one anchor
    assert of_first.sum() == 1 + np.count_nonzero(np.diff(chosen))


@pytest.mark.parametrize("window", WINDOWS)
def test_about_two_anchors_in_the_space_of_a_window_and_a_gram(window: int) -> None:
    text = bytes(random.Random(1).choices(range(256), k=100_000))
    count = len(joined(found([text], window, 100_000)).row)
    assert count == pytest.approx(2 / (window - gram_bytes(window) + 2) * len(text), rel=0.1)


@settings(deadline=None, max_examples=40)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from(WINDOWS[:4]))
def test_hashes_are_the_same_where_bytes_are(texts: list[str], window: int) -> None:
    # twice, with something before: the same bytes at other positions
    raw = [text.encode() for text in texts] + [b"xy" + text.encode() for text in texts]
    parts = found(raw, window)
    if not parts:
        return
    anchors = joined(parts)
    data, offsets = text_buffers(pa.array(raw, pa.large_binary()))
    hashes = window_hashes(data, offsets, window, anchors.row, anchors.start, anchors.owned, anchors.gram_at)
    contexts, windows, grams = set(), set(), set()
    at = 0
    for row, start, owned, gram_at, gram, context in zip(*(values.tolist() for values in anchors), strict=True):
        text = raw[row]
        contexts.add((text[start : start + owned + window - 1], context))
        grams.add((text[start + gram_at : start + gram_at + gram_bytes(window)], gram))
        for k in range(owned):
            windows.add((text[start + k : start + k + window], int(hashes[at])))
            at += 1
    assert at == len(hashes)
    for pairs in (contexts, windows):
        assert len({raw for raw, _ in pairs}) == len({value for _, value in pairs}) == len(pairs)
    assert len({raw for raw, _ in grams}) == len(grams)


def test_one_byte_changes_a_context_wherever_it_is() -> None:
    text = bytes(random.Random(2).choices(range(97, 123), k=299))
    changed = [text[:i] + b"A" + text[i + 1 :] for i in range(299)]
    contexts = joined(found([text, *changed], 150)).context
    assert len(set(contexts.tolist())) > 300


def test_a_text_of_4_gib_is_refused() -> None:
    with pytest.raises(ValueError, match="4 GiB"):
        Winnowing(np.empty(0, np.uint8), np.array([0, 1 << 32]), 200)
