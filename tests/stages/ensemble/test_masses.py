"""Masses of scores and ranks, against plain Python."""

import io
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.ensemble import masses
from dspipe.stages.ensemble.masses import Masses, Ranks, add_masses, write_masses
from dspipe.stages.shared.quantiles import Groups

GROUPS = ["b", "", "a | x"]
ROWS = st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.integers(-(1 << 31), (1 << 31) - 1), st.integers(0, 9)))
SHARDS = st.lists(ROWS, max_size=4)


def counted(rows: list[tuple[int, int, int]]) -> Masses:
    found = Masses()
    for part in rows[:3], rows[3:]:
        codes, bins, weights = (np.array([row[place] for row in part], np.int64) for place in range(3))
        found.add(bins, Groups(GROUPS, codes), weights)
    return found


def as_counts(found: Masses) -> dict[tuple[str, int], int]:
    return {
        (name, bin): mass
        for name, bins, sizes in found.groups()
        for bin, mass in zip(bins.tolist(), sizes.tolist(), strict=True)
    }


@given(SHARDS, st.sampled_from([1, 1 << 21]))
def test_shards_are_added_up(shards: list[list[tuple[int, int, int]]], loose: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(masses, "_LOOSE", loose)
        total: dict[str, Masses] = {}
        for rows in shards:
            file = io.BytesIO()
            write_masses(file, {"edu": counted(rows), "other": counted(rows[:1])})
            add_masses(file.getvalue(), total)
        expected: Counter[tuple[str, int]] = Counter()
        for rows in shards:
            for group, bin, weight in rows:
                expected[GROUPS[group], bin] += weight
        assert as_counts(total.get("edu", Masses())) == dict(expected)
        assert list(as_counts(total.get("edu", Masses()))) == sorted(expected)


@given(ROWS)
def test_ranks(rows: list[tuple[int, int, int]]) -> None:
    ranks = Ranks(counted(rows))
    codes, bins = (np.array([row[place] for row in rows], np.int64) for place in (0, 1))
    for own, rank in zip(rows, ranks.of(bins, Groups(GROUPS, codes)).tolist(), strict=True):
        inside = [row for row in rows if row[0] == own[0]]
        below, equal = (sum(row[2] for row in inside if row[1] < own[1]), sum(r[2] for r in inside if r[1] == own[1]))
        assert rank == pytest.approx((below + equal / 2) / max(1, sum(row[2] for row in inside)))


def test_without_weights_each_document_counts_as_one() -> None:
    found = Masses()
    found.add(np.array([7, -3, 7]), Groups(["all"], np.zeros(3, np.int64)))
    assert as_counts(found) == {("all", -3): 1, ("all", 7): 2}
    assert as_counts(Masses()) == {}
