"""Pairs of neighbouring symbols, against counting all of them."""

from collections import defaultdict
from itertools import pairwise
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.bpe import pairs as bpe_pairs
from dspipe.kernels.bpe.pairs import EMPTY, find_pairs, pair_sums
from dspipe.kernels.bpe.symbols import Symbols, count_at, lay_out
from tests.kernels.bpe.pieces import joined

pytestmark = pytest.mark.filterwarnings("ignore:overflow")
WORDS = st.dictionaries(st.text("abcé", min_size=1, max_size=9), st.integers(1, 9), max_size=20)


def symbols_of(words: dict[str, int]) -> Symbols:
    part = (*joined(list(words)), np.array(list(words.values()), np.int64))
    return lay_out([part], np.arange(256, dtype=np.int64))


def pairs_slowly(symbols: Symbols) -> dict[tuple[int, int], tuple[int, list[int]]]:
    """How often each pair is seen, and at which positions."""
    counts: dict[tuple[int, int], int] = defaultdict(int)
    positions = defaultdict(list)
    for i, pair in enumerate(pairwise(symbols.ids.tolist())):
        if min(pair) >= 0:
            counts[pair] += int(count_at(i, symbols.starts, symbols.counts, symbols.blocks))
            positions[pair].append(i)
    return {pair: (counts[pair], positions[pair]) for pair in counts}


@settings(deadline=None, max_examples=100)
@given(WORDS, st.integers(1, 12), st.booleans())
def test_frequent_pairs_have_their_counts_and_positions(words: dict[str, int], low: int, small: bool) -> None:
    symbols = symbols_of(words)
    with mock.patch.multiple(bpe_pairs, MIN_SLOTS=2 if small else 1 << 15, MIN_ROOM=1):
        found = find_pairs(symbols, pair_sums(symbols, 256), low)
    rows = {}
    for pair, count, where in found.table.reshape(-1, 3).tolist():
        if pair != int(EMPTY) and count >= low:
            first, number = where >> 32, where & 0xFFFFFFFF
            rows[pair >> 32, pair & 0xFFFFFFFF] = (count, found.positions[first : first + number].tolist())
    assert rows == {pair: row for pair, row in pairs_slowly(symbols).items() if row[0] >= low}


@settings(deadline=None, max_examples=50)
@given(WORDS)
def test_sums_are_at_least_the_counts_of_their_pairs(words: dict[str, int]) -> None:
    symbols = symbols_of(words)
    sums = pair_sums(symbols, 256)
    pairs = pairs_slowly(symbols)
    assert int(sums.sum()) == sum(count for count, _ in pairs.values())
    for left, right in pairs:
        slot = int(bpe_pairs._hash(bpe_pairs.pair_of(left, right))) & len(sums) - 1
        assert sums[slot] >= pairs[left, right][0]
