from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.kernels.dedup import exact_pairs
from dspipe.kernels.dedup.exact_pairs import ALIKE, CONTAINED, exact_leaders, find_exact_company

Set = frozenset[int]
Verdict = tuple[int, float, int]
SHARES = st.sampled_from([0.1, 0.5, 2 / 3, 0.7, 0.72, 0.8, 0.9, 1.0])
COMPONENTS = st.lists(st.lists(st.frozensets(st.integers(0, 12)), min_size=1, max_size=9), max_size=3)


def share_slowly(a: Set, b: Set, threshold: float, containment: float) -> tuple[float, int] | None:
    """Why `a` is dropped for `b`, by plain sets."""
    if not a or not b:
        return None
    if len(a & b) / len(a | b) >= threshold:
        return len(a & b) / len(a | b), ALIKE
    return (len(a & b) / len(a), CONTAINED) if containment and len(a & b) / len(a) >= containment else None


def leaders_slowly(components: Sequence[Sequence[Set]], threshold: float, containment: float) -> list[Verdict]:
    verdicts: list[Verdict] = []
    for component in components:
        first, kept = len(verdicts), list[int]()
        for place, own in enumerate(component):
            known = ((k, share_slowly(own, component[k], threshold, containment)) for k in kept)
            match = next(((k, found) for k, found in known if found), None)
            if match is None:
                kept.append(place)
            keeper, (share, reason) = match or (place, (1.0, ALIKE))
            verdicts.append((first + keeper, share, reason))
    return verdicts


def arrays(components: Sequence[Sequence[Set]]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    flat = [sorted(own) for component in components for own in component]
    offsets = np.cumsum([0, *map(len, flat)]).astype(np.int64)
    hashes = np.array([h << 50 for own in flat for h in own], np.uint64)
    groups = np.cumsum([0, *map(len, components)]).astype(np.int64)
    return hashes, offsets, np.arange(len(flat)), groups


def choose(components: Sequence[Sequence[Set]], threshold: float, containment: float) -> list[Verdict]:
    hashes, offsets, order, groups = arrays(components)
    keepers, shares = np.empty(len(order), np.int64), np.empty(len(order), np.float32)
    reasons = np.empty(len(order), np.uint8)
    exact_leaders(hashes, offsets, order, groups, threshold, containment, keepers, shares, reasons)
    return list(zip(keepers.tolist(), shares.tolist(), reasons.tolist(), strict=True))


@settings(max_examples=400, deadline=None)
@given(COMPONENTS, SHARES, st.sampled_from([0.0, 0.5, 0.75, 0.9, 1.0]))
def test_the_first_kept_copy_that_is_alike_or_larger_by_plain_sets(
    components: list[list[Set]], threshold: float, containment: float
) -> None:
    found = choose(components, threshold, containment)
    expected = leaders_slowly(components, threshold, containment)
    assert [(keeper, reason) for keeper, _, reason in found] == [(keeper, reason) for keeper, _, reason in expected]
    assert [share for _, share, _ in found] == pytest.approx([share for _, share, _ in expected])


@pytest.mark.parametrize("shared", range(0, 1001, 37))
def test_long_sets_are_merged_to_the_end_or_until_it_is_certain(shared: int) -> None:
    rng = np.random.default_rng(shared)
    numbers = rng.permutation(4000).tolist()
    first, second = frozenset(numbers[:1000]), frozenset(numbers[1000 - shared : 2300 - shared])
    for threshold, containment in ((0.3, 0.0), (0.9, 0.4), (0.5, 0.9)):
        (_, _, _), (keeper, share, reason) = choose([[second, first]], threshold, containment)
        expected = share_slowly(first, second, threshold, containment)
        assert (keeper == 0) == (expected is not None)
        if expected:
            assert share == pytest.approx(expected[0]) and reason == expected[1]


def test_a_similarity_that_is_just_what_is_asked_for_is_enough() -> None:
    """For every threshold with two digits, and sets whose similarity is that very number."""
    for hundredths in range(1, 101):
        whole, part = frozenset(range(100)), frozenset(range(hundredths))
        assert choose([[whole, part]], hundredths / 100, 0.0)[1][0] == 0
        assert choose([[whole, part - {0}]], hundredths / 100, 0.0)[1][0] == 1
        other = frozenset(range(1000, 1100 - hundredths)) | part
        assert choose([[whole, other]], 1.0, hundredths / 100)[1][:1] == (0,)


def test_work_is_bounded_in_a_component_of_documents_unlike_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    count = exact_pairs.LEADERS + 50
    verdicts = choose([[frozenset([k]) for k in range(count)] + [frozenset([0]), frozenset([count - 1])]], 0.5, 0.0)
    assert verdicts[count][0] == 0 and verdicts[count + 1][0] == count + 1


@settings(max_examples=300, deadline=None)
@given(COMPONENTS, SHARES)
def test_whoever_keeps_none_finds_everyone_that_resembles_another(
    components: list[list[Set]], threshold: float
) -> None:
    hashes, offsets, order, groups = arrays(components)
    keepers, shares = np.empty(len(order), np.int64), np.empty(len(order), np.float32)
    exact_leaders(hashes, offsets, order, groups, threshold, 0.0, keepers, shares, np.empty(len(order), np.uint8))
    alone = np.bincount(keepers, minlength=len(keepers)) == 1 if len(keepers) else np.empty(0, bool)
    find_exact_company(hashes, offsets, order, groups, threshold, alone, keepers, shares)
    gone = (keepers != order) | (np.bincount(keepers, minlength=len(order)) > 1 if len(order) else False)
    flat = [(number, own) for number, component in enumerate(components) for own in component]
    expected = [
        any(
            i != j and number == other and share_slowly(own, others, threshold, 0.0)
            for j, (other, others) in enumerate(flat)
        )
        for i, (number, own) in enumerate(flat)
    ]
    assert gone.tolist() == expected
    for place, keeper in enumerate(keepers.tolist()):
        share = share_slowly(flat[place][1], flat[keeper][1], threshold, 0.0)
        assert keeper == place or (share and shares[place] == pytest.approx(share[0]))
