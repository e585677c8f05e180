from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.arrow import Bytes, Offsets
from dspipe.kernels.bpe import pairs as bpe_pairs
from dspipe.kernels.bpe.train import train_merges
from dspipe.kernels.jit import INTERPRETED
from tests.kernels.bpe.pieces import joined

BYTE_IDS = np.arange(256, dtype=np.int64)[::-1].copy()
pytestmark = pytest.mark.filterwarnings("ignore:overflow")


def train(words: dict[str, int], wanted: int, min_count: int = 1) -> list[tuple[int, int, int]]:
    parts = [(*joined(list(words)), np.array(list(words.values()), np.int64))]
    done = np.zeros(1, np.int64)
    merges, counts = train_merges(parts, BYTE_IDS, wanted, min_count, done)
    assert done[0] == len(merges)
    return [(*pair, count) for pair, count in zip(merges.tolist(), counts.tolist(), strict=True)]


def train_slowly(words: dict[str, int], wanted: int, min_count: int) -> list[tuple[int, int, int]]:
    split = [([int(BYTE_IDS[byte]) for byte in word.encode()], count) for word, count in words.items()]
    merges: list[tuple[int, int, int]] = []
    while len(merges) < wanted:
        pairs: Counter[tuple[int, int]] = Counter()
        for symbols, count in split:
            for pair in pairwise(symbols):
                pairs[pair] += count
        if not pairs:
            break
        pair, count = min(pairs.items(), key=lambda item: (-item[1], item[0]))
        if count < min_count:
            break
        new = 256 + len(merges)
        merges.append((*pair, count))
        for symbols, _ in split:
            i = 0
            while i + 1 < len(symbols):
                if (symbols[i], symbols[i + 1]) == pair:
                    symbols[i : i + 2] = [new]
                i += 1
    return merges


WORDS = st.dictionaries(
    st.one_of(st.text("ab", min_size=1, max_size=30), st.text("abcé中", min_size=1, max_size=12)),
    st.integers(1, 20),
    max_size=20,
)


@settings(max_examples=200, deadline=None)
@given(WORDS, st.integers(0, 60), st.integers(1, 5))
def test_merges_equal_counting_again_each_time(words: dict[str, int], wanted: int, min_count: int) -> None:
    assert train(words, wanted, min_count) == train_slowly(words, wanted, min_count)


@settings(max_examples=200, deadline=None)
@given(WORDS, st.integers(1, 60), st.integers(1, 5))
def test_rounds_that_run_out_of_room_change_nothing(words: dict[str, int], wanted: int, min_count: int) -> None:
    with mock.patch.multiple(bpe_pairs, MIN_SLOTS=2, MIN_ROOM=1):
        assert train(words, wanted, min_count) == train_slowly(words, wanted, min_count)


def test_parts_that_change_are_refused() -> None:
    class Growing:
        length = 2

        def __iter__(self) -> Iterator[tuple[Bytes, Offsets, Offsets]]:
            self.length += 1
            yield *joined(["a" * self.length]), np.ones(1, np.int64)

    with pytest.raises(ValueError, match="others than when they were first gone through"):
        train_merges(Growing(), BYTE_IDS, 1, 1, np.zeros(1, np.int64))


def tokens_of(merges: list[tuple[int, int, int]]) -> list[tuple[int, ...]]:
    tokens: list[tuple[int, ...]] = [(number,) for number in range(256)]
    for left, right, _ in merges:
        tokens.append(tokens[left] + tokens[right])
    return tokens


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text("ab", min_size=1, max_size=40), st.integers(1, 9), min_size=1, max_size=30))
def test_no_two_merges_make_the_same_token(words: dict[str, int]) -> None:
    tokens = tokens_of(train(words, 1000))
    assert len(set(tokens)) == len(tokens)


def test_tables_and_heap_grow() -> None:
    chance = np.random.default_rng(3)
    size = 300 if INTERPRETED else 4_000
    words = {
        "".join(chr(0x4E00 + letter) for letter in chance.integers(0, 300, 40)): int(count)
        for count in chance.integers(1, 5, size)
    }
    merges = train(words, 10**6, 1)
    # every word ends as one token, so that all pairs of all lengths were in the table
    tokens = set(tokens_of(merges))
    assert all(tuple(int(BYTE_IDS[byte]) for byte in word.encode()) in tokens for word in words)
    counts = [count for _, _, count in merges]
    assert counts == sorted(counts, reverse=True)


def test_a_run_of_one_character_takes_linear_time() -> None:
    size = 2_000 if INTERPRETED else 2_000_000
    merges = train({"a" * size: 1}, 100)
    lengths = [len(token) for token in tokens_of(merges)[256:]]
    assert lengths[:5] == [2, 4, 8, 16, 32]
