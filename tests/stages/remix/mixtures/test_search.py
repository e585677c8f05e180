import numpy as np
import pytest

from dspipe.stages.remix.mixtures.search import find_best, list_corners, refine
from dspipe.stages.remix.mixtures.simplex import Bounds, Float64

TARGET = np.array([0.15, 0.5, 0.05, 0.3])
NATURAL = np.array([0.85, 0.05, 0.05, 0.05])
SAMPLED = np.random.default_rng(2).dirichlet(np.full(4, 0.4), 40)


def distance(points: Float64) -> Float64:
    squares: Float64 = ((points - TARGET) ** 2).sum(axis=1)
    return squares


def bounds(cap: float) -> Bounds:
    return Bounds(("a", "b", "c", "d"), np.zeros(4), np.full(4, cap))


def test_the_best_mixture_is_found() -> None:
    corners = list_corners(NATURAL, SAMPLED, bounds(1))
    shares = find_best(distance, corners, seed=1)
    assert shares @ corners == pytest.approx(TARGET, abs=3e-3)
    assert shares.sum() == pytest.approx(1) and shares.min() >= 0
    assert np.array_equal(shares, find_best(distance, corners, seed=1))


def test_the_best_one_within_caps() -> None:
    corners = list_corners(NATURAL, SAMPLED, bounds(0.38))
    best = find_best(distance, corners, seed=1) @ corners
    # what b can't have goes to the others alike
    assert best == pytest.approx([0.19, 0.38, 0.09, 0.34], abs=0.02)
    assert bounds(0.38).hold(best[None])[0]


def test_nothing_outside_of_what_was_measured_is_found() -> None:
    sampled = np.array([[0.6, 0.2, 0.1, 0.1], [0.5, 0.1, 0.2, 0.2]])
    corners = list_corners(NATURAL, sampled, bounds(1))
    best = find_best(distance, corners, seed=1) @ corners
    # the target has half of b: the nearest mixture of these is on the edge between the two
    along = np.linspace(0, 1, 1001)[:, None]
    edge = along * sampled[0] + (1 - along) * sampled[1]
    assert best == pytest.approx(edge[int(np.argmin(distance(edge)))], abs=3e-3)


def test_exchanges_keep_the_sum() -> None:
    found = refine(distance, np.array([1.0, 0, 0, 0]), np.eye(4))
    assert found.sum() == pytest.approx(1)
    assert found == pytest.approx(TARGET, abs=3e-3)
