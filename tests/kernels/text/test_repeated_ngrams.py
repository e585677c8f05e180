"""Repetition by n-grams, against counting all of them."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.jit import INTERPRETED, entry
from dspipe.kernels.text.repeated_ngrams import ORDERS, NgramScratch, repetition
from tests.kernels.text.test_statistics import statistics


@entry("scratch", "result")
def _repetition(hashes, ends, n, orders, space, scratch, result):  # type: ignore[no-untyped-def]
    repetition(hashes, ends, n, orders, space, scratch, result)


def repeated(words: list[int], space: int) -> list[float]:
    """The kernel's answer for words (numbers) whose length in characters is 1 + number % 3."""
    hashes = np.array([word * 0x9E3779B97F4A7C15 % 2**64 for word in words], np.uint64)
    ends = np.cumsum([1 + word % 3 for word in words], dtype=np.int32)
    size = max(16, 1 << (2 * len(words)).bit_length())
    room = len(words) + 1
    scratch = NgramScratch(
        np.empty(size, np.uint64), np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.uint64)
    )
    result = np.zeros(len(ORDERS))
    with np.errstate(over="ignore"):
        _repetition(hashes, ends, len(words), np.array(ORDERS), space, scratch, result)
    return [float(value) for value in result]


def repeated_slowly(words: list[int], space: int) -> list[float]:
    lengths = [1 + word % 3 for word in words]
    result = []
    for n in ORDERS:
        grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        if n <= 4:
            gram, count = Counter(grams).most_common(1)[0] if grams else ((), 0)
            result.append((sum(1 + word % 3 for word in gram) + (n - 1) * space) * count)
            continue
        seen, i, characters = set(), 0, 0
        while i < len(grams):
            again = grams[i] in seen
            characters += sum(lengths[i : i + n]) if again else 0
            seen.add(grams[i])
            i += n if again else 1
        result.append(characters)
    return [float(value) for value in result]


@settings(deadline=None, max_examples=30 if INTERPRETED else 300)
@given(st.lists(st.integers(1, 4), max_size=60), st.sampled_from([0, 1]))
def test_the_same_as_counting_all(words: list[int], space: int) -> None:
    assert repeated(words, space) == repeated_slowly(words, space)


def test_repetition_in_an_unspaced_script() -> None:
    once = "春眠不觉晓处处闻啼鸟夜来风雨声花落知多少"
    assert statistics([once])[0]["duplicate_5_grams"] == 0
    assert statistics([once * 4])[0]["duplicate_5_grams"] > 0.6
    # a 5-gram of Chinese words is ten characters
    rest = "白日依山尽黄河入海流"
    assert statistics([once[:9] + rest + once[:9]])[0]["duplicate_5_grams"] == 0
    assert statistics([once[:10] + rest + once[:10]])[0]["duplicate_5_grams"] == pytest.approx(10 / 30)
