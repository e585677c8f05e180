from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.dedup import near_pairs
from dspipe.kernels.dedup.near_pairs import (
    agreements,
    candidate_pairs,
    find_company,
    hot_in_window,
    leaders,
    may_be_contained,
)


def pairs_slowly(records: list[tuple[int, int]]) -> set[tuple[int, int, int]]:
    groups = defaultdict(list)
    for key, document in records:
        groups[key].append(document)
    return {
        (key, member, first)
        for key, members in groups.items()
        for index, member in enumerate(members)
        for first in members[: min(index, 2)]
    }


def spread(key: int) -> int:
    return key * 0x9E3779B97F4A7C15 % 2**64


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 40)), max_size=80, unique=True))
def test_every_document_is_paired_with_the_first_two_of_its_key(records: list[tuple[int, int]]) -> None:
    records = sorted(((spread(key), document) for key, document in records), key=lambda record: record[1])
    keys, documents = np.array(records, np.uint64).reshape(-1, 2).T.copy()
    members, representatives, _ = candidate_pairs(keys, documents, 100)
    expected = sorted((member, first) for _, member, first in pairs_slowly(records))
    assert sorted(zip(members.tolist(), representatives.tolist(), strict=True)) == expected


def test_many_pieces_and_equal_low_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_pairs, "_GROUP_RECORDS", 64)
    rng = np.random.default_rng(3)
    keys = np.concatenate([rng.integers(0, 2**63, 400, np.uint64), np.arange(300, dtype=np.uint64) << np.uint64(40)])
    keys = np.concatenate([keys, keys[::2], keys[::5]])
    documents = np.arange(len(keys), dtype=np.uint64)
    members, representatives, _ = candidate_pairs(keys, documents, 100)
    expected = {(m, f) for _, m, f in pairs_slowly(list(zip(keys.tolist(), documents.tolist(), strict=True)))}
    assert set(zip(members.tolist(), representatives.tolist(), strict=True)) == expected


def test_work_is_linear_in_a_hot_key_and_it_is_counted() -> None:
    keys = np.full(200_000, 77, np.uint64)
    members, _, hot = candidate_pairs(keys, np.arange(200_000, dtype=np.uint64), 1000)
    assert len(members) == 2 * 200_000 - 3
    assert hot == 1


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.integers(0, 6), min_size=3, max_size=3), max_size=30), st.integers(2, 5))
def test_of_a_hot_key_the_first_are_sent_and_the_others_paired(bands: list[list[int]], max_documents: int) -> None:
    keys = np.array([[spread(4 * key + 1 + j % 2) for j, key in enumerate(band)] for band in bands], np.uint64)
    rows = np.arange(7, 7 + 2 * len(bands), 2, dtype=np.uint32)
    sent, members, representatives = hot_in_window(keys.reshape(-1, 3), rows, max_documents)
    seen: dict[int, list[int]] = defaultdict(list)
    expected, pairs = [], []
    for row, band in zip(rows.tolist(), keys.tolist(), strict=True):
        for key in band:
            expected.append(len(seen[key]) < max_documents)
            pairs += [] if expected[-1] else [(row, first) for first in seen[key][:2]]
            seen[key].append(row)
    assert sent.reshape(-1).tolist() == expected
    assert list(zip(members.tolist(), representatives.tolist(), strict=True)) == pairs


def test_no_records() -> None:
    nothing = np.empty(0, np.uint64)
    members, representatives, hot = candidate_pairs(nothing, nothing, 10)
    assert (len(members), len(representatives), hot) == (0, 0, 0)


def test_agreements() -> None:
    signed = np.array([[1, 2, 3], [1, 2, 4], [5, 6, 7]], np.uint32)
    assert agreements(signed, np.array([0, 0, 1]), np.array([0, 1, 2])).tolist() == [3, 2, 0]


def leaders_slowly(signed: list[list[int]], groups: list[list[int]], min_agreement: int) -> dict[int, int]:
    keepers = {}
    for group in groups:
        kept: list[int] = []
        for row in group:
            same = [
                k for k in kept if sum(a == b for a, b in zip(signed[row], signed[k], strict=True)) >= min_agreement
            ]
            keepers[row] = same[0] if same else row
            if not same:
                kept.append(row)
    return keepers


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 6))
def test_a_duplicate_resembles_its_kept_copy(data: st.DataObject, min_agreement: int) -> None:
    signed = data.draw(st.lists(st.lists(st.integers(0, 2), min_size=6, max_size=6), min_size=1, max_size=20))
    order = data.draw(st.permutations(range(len(signed))))
    cut = data.draw(st.integers(0, len(signed)))
    groups = [list(order[:cut]), list(order[cut:])]
    values = np.array(signed, np.uint32)
    keepers, equal = leaders(values, np.array(order), np.array([0, cut, len(signed)]), min_agreement)
    expected = leaders_slowly(signed, groups, min_agreement)
    assert keepers.tolist() == [expected[row] for row in range(len(signed))]
    assert equal.tolist() == (values == values[keepers]).sum(axis=1).tolist()


def test_a_chain_is_not_merged() -> None:
    """a resembles b and b resembles c, but a does not resemble c: c is kept."""
    signed = np.array([[1] * 10, [1] * 8 + [2] * 2, [1] * 6 + [2] * 4], np.uint32)
    keepers, _ = leaders(signed, np.array([0, 1, 2]), np.array([0, 3]), 8)
    assert keepers.tolist() == [0, 0, 2]


def test_leaders_are_bounded() -> None:
    count = near_pairs.LEADERS + 5
    signed = np.repeat(np.arange(count, dtype=np.uint32)[:, None], 4, axis=1)
    signed = np.concatenate([signed, signed[-1:]])
    keepers, _ = leaders(signed, np.arange(count + 1), np.array([0, count + 1]), 4)
    assert keepers.tolist() == list(range(count + 1))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=1, max_size=12),
    st.integers(0, 12),
    st.integers(1, 4),
)
def test_whoever_keeps_none_finds_everyone_that_resembles_another(
    signed: list[list[int]], cut: int, min_agreement: int
) -> None:
    cut = min(cut, len(signed))
    values, order = np.array(signed, np.uint32), np.arange(len(signed))
    groups = np.array([0, cut, len(signed)])
    keepers, equal = leaders(values, order, groups, min_agreement)
    alone = np.bincount(keepers, minlength=len(signed)) == 1
    find_company(values, order, groups, min_agreement, alone, keepers, equal)
    gone = (keepers != order) | (np.bincount(keepers, minlength=len(signed)) > 1)

    def agree(a: int, b: int) -> int:
        return int((values[a] == values[b]).sum())

    expected = [
        any(a != b and (a < cut) == (b < cut) and agree(a, b) >= min_agreement for b in range(len(signed)))
        for a in range(len(signed))
    ]
    assert gone.tolist() == expected
    assert all(equal[row] == agree(row, keeper) for row, keeper in enumerate(keepers.tolist()))


def test_a_document_inside_another_may_be_whatever_their_sizes() -> None:
    """Signatures of 1,024 numbers each: the smallest of a set under so many orders."""
    rng = np.random.default_rng(4)
    ranks = rng.permuted(np.tile(np.arange(2000, dtype=np.uint32), (1024, 1)), axis=1)

    def sign(members: np.ndarray) -> np.ndarray:
        smallest: np.ndarray = ranks[:, members].min(axis=1)
        return smallest

    for size in (60, 200, 600, 1900):
        whole = np.arange(size)
        for share in (0.2, 0.5, 0.7, 0.9, 1.0):
            inside = round(50 * share)
            part = np.concatenate([np.arange(inside), np.arange(1950, 2000 - inside)])
            signed = np.stack([sign(whole), sign(part)])
            one, other = np.array([0]), np.array([1])
            for left, right in ((one, other), (other, one)):
                maybe = may_be_contained(signed, left, right, 0.9, 3.0)[0]
                assert maybe or share < 0.9
                if share <= 0.5 and size <= 600:
                    assert not maybe
