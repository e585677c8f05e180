from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import text_buffers
from dspipe.kernels.dedup.minhash import EMPTY, band_keys, permutations, signatures
from tests.kernels.dedup.test_units import MASK, hash_slowly, units_slowly

GOLDEN = 0x9E3779B97F4A7C15


def sign(texts: Sequence[str | None], shingle: int = 5, count: int = 112) -> np.ndarray:
    return signatures(*text_buffers(pa.array(texts, pa.large_string())), shingle, count)[0]


def mix_slowly(x: int) -> int:
    x = ((x ^ (x >> 33)) * 0xFF51AFD7ED558CCD) & MASK
    return x ^ (x >> 33)


def sign_slowly(text: str, width: int, count: int) -> list[int]:
    units = [mix_slowly(hash_slowly(unit)) for unit in units_slowly(text)]
    if not units:
        return [EMPTY] * count
    if len(units) <= width:
        x, whole = len(units), []
        for unit in units:
            x = mix_slowly((x * GOLDEN + unit) & MASK)
        for _ in range(count):
            x = mix_slowly((x + GOLDEN) & MASK)
            whole.append(x >> 32)
        return whole
    found = set()
    for start in range(len(units) - width + 1):
        x = 0
        for unit in units[start : start + width]:
            x = (x * GOLDEN + unit) & MASK
        found.add(mix_slowly(x) >> 32)
    factors, shifts = permutations(-(-count // 16) * 16)
    return [
        min((x * int(a) + int(b)) & 0xFFFFFFFF for x in found)
        for a, b in zip(factors[:count], shifts[:count], strict=True)
    ]


WORDS = st.lists(st.sampled_from(["a", "b", "Über", "深度", "学习", "กา", "x" * 40, "1.5", "—", "\0"]), max_size=60)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS.map(" ".join), max_size=4), st.integers(1, 8), st.integers(1, 20))
def test_the_least_of_every_permutation_over_the_set_of_shingles(texts: list[str], width: int, count: int) -> None:
    assert sign(texts, width, count).tolist() == [sign_slowly(text, width, count) for text in texts]


@pytest.mark.parametrize("width", [1, 5, 7])
def test_long_documents_cross_blocks(width: int) -> None:
    text = " ".join(f"word{n * n} 字" for n in range(2500))
    assert sign([text], width, 4).tolist() == [sign_slowly(text, width, 4)]


def test_short_documents_are_compared_whole() -> None:
    one, same, other, longer, repeated = sign(["one two", "One, TWO!", "two one", "one two three four five", "one"])
    assert (one == same).all()
    assert not (one == other).any() and not (one == longer).any() and not (one == repeated).any()


def test_documents_without_units_have_no_signature() -> None:
    column = text_buffers(pa.array(["", None, "  \n", "…—!", "\0\0", "a"], pa.large_string()))
    signed, units = signatures(*column, 5, 16)
    assert units.tolist() == [0, 0, 0, 0, 0, 1]
    assert (signed[:5] == EMPTY).all() and not (signed[5] == EMPTY).all()


def test_documents_too_long_are_compared_by_their_beginning() -> None:
    beginning = "一二三四五六七八九十" * 3000
    column = text_buffers(pa.array([beginning, beginning + "东西南北中" * 9], pa.large_string()))
    signed, units = signatures(*column, 5, 16, longest=len(beginning))
    assert (signed[0] == signed[1]).all() and units.tolist() == [len(beginning)] * 2
    signed, units = signatures(*column, 5, 16)
    assert (signed[0] != signed[1]).any() and units.tolist() == [len(beginning), len(beginning) + 45]


def test_many_tiny_documents() -> None:
    signed = sign([str(n) for n in range(30_000)], count=16)
    assert len(np.unique(signed, axis=0)) == 30_000


def jaccard_cases(pairs: int) -> list[tuple[set[str], set[str]]]:
    """Pairs of sets of which from none to all is shared."""
    cases = []
    for n in range(pairs):
        shared = 200 * n // pairs
        words = [f"w{n}x{m}" for m in range(400 - shared)]
        cases.append((set(words[:200]), set(words[200 - shared :])))
    return cases


def test_estimates_err_as_the_theory_says_and_no_more_than_datasketch() -> None:
    cases, count = jaccard_cases(300), 128
    exact = np.array([len(a & b) / len(a | b) for a, b in cases])
    signed = sign([" ".join(sorted(words)) for pair in cases for words in pair], shingle=1, count=count)
    estimates = (signed[0::2] == signed[1::2]).mean(axis=1)
    oracle = []
    for pair in cases:
        sketches = [MinHash(num_perm=count), MinHash(num_perm=count)]
        for sketch, words in zip(sketches, pair, strict=True):
            sketch.update_batch([word.encode() for word in words])
        oracle.append(sketches[0].jaccard(sketches[1]))
    # the mean absolute error of a binomial estimate is sqrt(2 / pi) of its standard error
    theory = np.sqrt(2 / np.pi * exact * (1 - exact) / count).mean()
    error = np.abs(estimates - exact).mean()
    assert error < 1.15 * theory
    assert error < 1.15 * np.abs(np.array(oracle) - exact).mean()
    assert abs((estimates - exact).mean()) < 4 * np.sqrt((exact * (1 - exact)).mean() / count / len(cases))


def test_permutations_are_bijections_and_differ() -> None:
    factors, shifts = permutations(128)
    assert (factors & 1).all() and len(set(zip(factors.tolist(), shifts.tolist(), strict=True))) == 128
    assert (permutations(16)[0] == factors[:16]).all()


def test_band_keys_say_which_band_and_what_is_in_it() -> None:
    signed = np.zeros((3, 12), np.uint32)
    signed[1, 5] = 7
    signed[2, 0] = 7
    keys = band_keys(signed, 3, 4)
    assert len(set(keys[0].tolist())) == 3
    assert (keys[0] == keys[1]).tolist() == [True, False, True]
    assert (keys[0] == keys[2]).tolist() == [False, True, True]
    assert band_keys(np.ones((2, 10), np.uint32), 3, 3).shape == (2, 3)
    assert band_keys(np.empty((0, 12), np.uint32), 3, 4).shape == (0, 3)


def test_signatures_and_keys_stay_as_they_are() -> None:
    """They are kept and compared across runs and machines."""
    signed = sign(["The quick brown fox jumps over the lazy dog", "敏捷的棕色狐狸跳过懒狗"], count=16)
    assert signed[:, 0].tolist() == PINNED_VALUES
    assert band_keys(signed, 4, 4)[:, 0].tolist() == PINNED_KEYS


PINNED_VALUES = [83615713, 288654710]
PINNED_KEYS = [2269620640452626745, 13204421572405833515]
