"""Ranks of pairs against a dictionary; the characters that begin whole are in test_encode.py."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.bpe.table import MAX_ID, NONE, WORK, allocate_aligned, merge_table, rank_of, raw_merges
from dspipe.kernels.jit import entry

pytestmark = pytest.mark.filterwarnings("ignore:overflow")
BYTE_IDS = np.arange(256, dtype=np.uint32)


@entry("ranks")
def _ranks(table, pairs, ranks):  # type: ignore[no-untyped-def]
    work = np.empty(WORK, np.uint32)
    merges = raw_merges(table, work)
    for i in range(len(pairs)):
        ranks[i] = rank_of(merges, pairs[i, 0], pairs[i, 1])
    work[0] = 0  # its last use: `merges` points into it


IDS = st.one_of(st.integers(0, 20), st.integers(0, MAX_ID))


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(IDS, IDS), max_size=80), st.lists(st.tuples(IDS, IDS), max_size=20))
def test_each_pair_has_the_rank_of_its_last_row(pairs: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    rows = np.array([(*pair, 256 + rank) for rank, pair in enumerate(dict.fromkeys(pairs))], np.uint32).reshape(-1, 3)
    expected = {(left, right): rank for rank, (left, right, _) in enumerate(rows.tolist())}
    looked_up = pairs + others
    ranks = np.zeros(len(looked_up), np.uint32)
    _ranks(merge_table(BYTE_IDS, rows), np.array(looked_up, np.uint32).reshape(-1, 2), ranks)
    assert ranks.tolist() == [expected.get(pair, int(NONE)) for pair in looked_up]


def test_arrays_begin_with_a_cache_line() -> None:
    for words in (1, 8, 1000):
        array = allocate_aligned(words)
        assert len(array) == words and array.ctypes.data % 64 == 0 and not array.any()


def test_ids_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="ids up to"):
        merge_table(BYTE_IDS, np.array([[0, 1, MAX_ID + 1]], np.uint32))
