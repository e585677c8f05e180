"""Measures against their plain definitions."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.quality.measures import (
    area_under_roc,
    brier,
    calibration_error,
    confusion,
    isotonic,
    kappa,
    ranks,
    spearman,
)

SCORES = st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=30)


@given(SCORES)
def test_area_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    scores, positive = np.array([s for s, _ in rows], np.float64), np.array([p for _, p in rows])
    pairs = [(a > b) + (a == b) / 2 for a, b in product(scores[positive], scores[~positive])]
    assert area_under_roc(scores, positive) == pytest.approx(np.mean(pairs) if pairs else np.nan, nan_ok=True)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=25))
def test_spearman_is_pearson_of_ranks(rows: list[tuple[int, int]]) -> None:
    a, b = np.array(rows, np.float64).reshape(-1, 2).T
    for values in (a, b):
        plain = [np.sum(values < x) + (np.sum(values == x) + 1) / 2 for x in values]
        assert ranks(values).tolist() == plain
    if len(set(a)) < 2 or len(set(b)) < 2:
        assert np.isnan(spearman(a, b))
    else:
        assert spearman(a, b) == pytest.approx(np.corrcoef(ranks(a), ranks(b))[0, 1])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_kappa_by_pairs_of_documents(rows: list[tuple[int, int]]) -> None:
    a, b = np.array(rows, np.int64).T
    counts = confusion(a, b, 4)
    assert counts.sum() == len(rows) and counts[rows[0]] == rows.count(rows[0])
    powers = {"none": 0, "linear": 1, "quadratic": 2}
    for name, power in powers.items():
        observed = np.mean([abs(x - y) ** power * (x != y) for x, y in rows])
        by_chance = np.mean([abs(x - y) ** power * (x != y) for x, y in product(a.tolist(), b.tolist())])
        plain = 1 - observed / by_chance if by_chance else np.nan
        assert kappa(counts, name) == pytest.approx(plain, nan_ok=True)


def test_kappa_of_a_published_table() -> None:
    # two labellers, yes or no, 20 5 10 15: agreement 0.7, by chance 0.5
    assert kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)
    assert kappa(np.eye(3, dtype=np.int64) * 4) == 1


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 4)), min_size=1, max_size=9))
def test_isotonic_is_the_max_min_of_means(rows: list[tuple[int, int]]) -> None:
    targets, weights = np.array(rows, np.float64).T
    n = len(rows)

    def mean(first: int, last: int) -> float:
        return float(np.average(targets[first : last + 1], weights=weights[first : last + 1]))

    # Robertson, Wright, Dykstra, "Order Restricted Statistical Inference", 1988, theorem 1.4.4
    plain = [max(min(mean(a, b) for b in range(i, n)) for a in range(i + 1)) for i in range(n)]
    found = isotonic(targets, weights)
    assert found == pytest.approx(np.array(plain))
    assert all(found[i] <= found[j] for i, j in combinations(range(n), 2))


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 1)), min_size=1, max_size=40))
def test_calibration_error_bin_by_bin(rows: list[tuple[float, int]]) -> None:
    scores, targets = np.array(rows, np.float64).T
    plain = 0.0
    for number in range(15):
        inside = [i for i, score in enumerate(scores) if min(int(score * 15), 14) == number]
        if inside:
            plain += len(inside) / len(rows) * abs(scores[inside].mean() - targets[inside].mean())
    assert calibration_error(scores, targets) == pytest.approx(plain, abs=1e-9)
    assert brier(scores, targets) == pytest.approx(np.mean([(s - t) ** 2 for s, t in rows]))
