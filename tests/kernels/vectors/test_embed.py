"""Vectors of texts against plain Python."""

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.vectors.embed import WordRows, embed_hashed, embed_static, unit_hashes, word_table
from tests.kernels.dedup.test_units import MASK, hash_slowly, units_slowly

GOLDEN = 0x9E3779B97F4A7C15
WORDS = st.lists(st.sampled_from(["a", "b", "Über", "深度", "学习", "กา", "x" * 40, "1.5", "—", "\0"]), max_size=60)


def quick(x: int) -> int:
    x = ((x ^ (x >> 33)) * 0xFF51AFD7ED558CCD) & MASK
    return x ^ (x >> 33)


def split_mix(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def rounded(sums: list[float]) -> list[int]:
    most = max(map(abs, sums))
    return [math.floor(value / most * 127 + 0.5) if most else 0 for value in sums]


def hashed_slowly(text: str, places: int, pairs: float, seed: int, bits: int) -> list[int]:
    units = [hash_slowly(unit) for unit in units_slowly(text)]
    found = [(quick(unit), 1.0, 0) for unit in units]
    if pairs:
        of_pairs = itertools.pairwise(units)
        found += [(quick((one * GOLDEN + other) & MASK), pairs, 1 << bits) for one, other in of_pairs]
    counts: dict[tuple[int, float], int] = {}
    for value, weight, first in found:
        bucket = first + ((value * GOLDEN & MASK) >> (64 - bits))
        counts[bucket, weight] = counts.get((bucket, weight), 0) + 1
    sums = [0.0] * places
    for (bucket, weight), count in counts.items():
        for salt in (seed & MASK, ~seed & MASK):
            mixed = split_mix((bucket * GOLDEN + salt) & MASK)
            for _ in range(4):
                sums[((mixed >> 1) & 0x7FFF) * places >> 15] += (
                    (1 if mixed & 1 else -1) * weight * (1 + math.log(count))
                )
                mixed >>= 16
    return rounded(sums)


def column(texts: list[str | None]) -> tuple[np.ndarray, np.ndarray]:
    return text_buffers(pa.array(texts, pa.large_string()))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(WORDS.map(" ".join), max_size=4),
    st.sampled_from([16, 192, 256]),
    st.sampled_from([0, 0.5]),
    st.integers(0),
)
def test_hashed_words_and_pairs(texts: list[str], places: int, pairs: float, seed: int) -> None:
    vectors, found = embed_hashed(*column([*texts]), places, pairs, seed, 6)
    assert found.tolist() == [len(units_slowly(text)) for text in texts]
    for vector, text in zip(vectors.tolist(), texts, strict=True):
        # float32 sums against float64: a number half between two integers may go either way
        assert np.abs(np.array(vector) - hashed_slowly(text, places, pairs, seed, 6)).max() <= 1


@pytest.mark.parametrize("text", ["word " * 9000, "深度学习" * 9000, "ab" * 40000])
def test_texts_longer_than_a_block(text: str) -> None:
    vectors, found = embed_hashed(*column([text]), 64, 0.5, 3)
    assert np.abs(vectors[0] - np.array(hashed_slowly(text, 64, 0.5, 3, 18))).max() <= 1
    assert found[0] == len(units_slowly(text))


def test_nothing_and_nulls_are_zeros_and_leave_nothing_behind() -> None:
    alone = embed_hashed(*column(["some words"]), 32, 1, 0)[0][0]
    vectors, found = embed_hashed(*column([None, "", " .-", "some words", "x", "some words"]), 32, 1, 0)
    assert not vectors[:3].any() and found.tolist() == [0, 0, 0, 2, 1, 2]
    assert (vectors[[3, 5]] == alone).all() and np.abs(alone).max() == 127
    assert embed_hashed(*column([]), 32, 1, 0)[0].shape == (0, 32)


def test_words_of_a_table() -> None:
    words = ["cat", "dog", "学", "über"]
    hashes, units = unit_hashes(*column([*words]))
    assert units.tolist() == [1, 1, 1, 1] and unit_hashes(*column(["two words", ""]))[1].tolist() == [2, 0]
    table = np.random.default_rng(1).normal(size=(4, 24)).astype(np.float32)
    rows = WordRows(*word_table(hashes), table)
    texts = ["Cat cat, dog", "学习 ÜBER xyz", "nothing known", ""]
    vectors, found = embed_static(*column([*texts]), rows)
    assert found.tolist() == [3, 2, 0, 0]
    sums = [2 * table[0] + table[1], table[2] + table[3], np.zeros(24), np.zeros(24)]
    for vector, expected in zip(vectors, sums, strict=True):
        assert np.abs(vector - np.array(rounded(expected.tolist()))).max() <= 1


def test_cosines_are_those_of_the_words() -> None:
    vocabulary = [f"w{n}" for n in range(400)]
    draw = np.random.default_rng(5)
    texts = [" ".join(draw.permutation(vocabulary)[:100]) for _ in range(40)]
    vectors = embed_hashed(*column([*texts]), 256, 0, 0)[0].astype(float)
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    shared = np.array([[len({*one.split()} & {*other.split()}) / 100 for other in texts] for one in texts])
    # the error of a random projection to 256 places is 1 / 16
    assert np.sqrt(((vectors @ vectors.T - shared)[~np.eye(40, dtype=bool)] ** 2).mean()) < 0.09
