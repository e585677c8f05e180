from collections import Counter
from itertools import groupby

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dspipe.kernels.sorted_arrays import expand_ranges, match_sorted, rank_in_run, run_bounds, starts_run, unique_pairs

PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=30)
NUMBERS = st.lists(st.integers(0, 9), max_size=30)


def columns(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    left, right = np.array(pairs, np.uint64).reshape(-1, 2).T
    return left, right


@given(PAIRS)
def test_runs_as_groupby_has_them(pairs: list[tuple[int, int]]) -> None:
    sizes = [len(list(run)) for _, run in groupby(pairs)]
    assert np.diff(run_bounds(*columns(pairs))).tolist() == sizes
    assert np.flatnonzero(starts_run(*columns(pairs))).tolist() == run_bounds(*columns(pairs))[:-1].tolist()


@given(PAIRS)
def test_each_pair_once(pairs: list[tuple[int, int]]) -> None:
    left, right = unique_pairs(*columns(pairs))
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == sorted(set(pairs))


@given(NUMBERS)
def test_the_rank_is_how_many_came_before(numbers: list[int]) -> None:
    seen: Counter[int] = Counter()
    expected = []
    for number in sorted(numbers):
        expected.append(seen[number])
        seen[number] += 1
    assert rank_in_run(np.array(sorted(numbers), np.uint64)).tolist() == expected


@given(NUMBERS, NUMBERS)
def test_all_matches(wanted: list[int], known: list[int]) -> None:
    known = sorted(known)
    found = match_sorted(np.array(wanted, np.uint64), np.array(known, np.uint64))
    expected = [(i, k) for i, number in enumerate(wanted) for k, other in enumerate(known) if number == other]
    assert list(zip(*(positions.tolist() for positions in found), strict=True)) == expected


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4)), max_size=9))
def test_ranges_one_after_the_other(ranges: list[tuple[int, int]]) -> None:
    starts, lengths = np.array(ranges, np.int64).reshape(-1, 2).T
    expected = [number for start, length in ranges for number in range(start, start + length)]
    assert expand_ranges(starts, lengths).tolist() == expected
    assert expand_ranges(starts.astype(np.uint32), lengths).tolist() == expected
