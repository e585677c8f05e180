import numpy as np
import pytest

from dspipe.stages.remix.mixtures.search import find_best, refine
from dspipe.stages.remix.mixtures.simplex import Bounds, Float64

TARGET = np.array([0.15, 0.5, 0.05, 0.3])
NATURAL = np.array([0.85, 0.05, 0.05, 0.05])


def distance(points: Float64) -> Float64:
    squares: Float64 = ((points - TARGET) ** 2).sum(axis=1)
    return squares


def bounds(cap: float) -> Bounds:
    return Bounds(("a", "b", "c", "d"), np.zeros(4), np.full(4, cap))


def test_the_best_mixture_is_found() -> None:
    best = find_best(distance, NATURAL, NATURAL[None], bounds(1), seed=1)
    assert best == pytest.approx(TARGET, abs=3e-3)
    assert np.array_equal(best, find_best(distance, NATURAL, NATURAL[None], bounds(1), seed=1))


def test_the_best_one_within_caps() -> None:
    # what b can't have goes to the others alike
    best = find_best(distance, NATURAL, NATURAL[None], bounds(0.38), seed=1)
    assert best == pytest.approx([0.19, 0.38, 0.09, 0.34], abs=3e-3)
    assert bounds(0.38).hold(best[None])[0]


def test_exchanges_keep_the_sum_and_the_bounds() -> None:
    found = refine(distance, np.array([0.4, 0.4, 0.1, 0.1]), bounds(0.45))
    assert found.sum() == pytest.approx(1)
    assert bounds(0.45).hold(found[None])[0]
    assert found[1] == pytest.approx(0.45, abs=2e-3)
