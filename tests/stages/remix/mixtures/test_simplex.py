import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dspipe.stages.remix.mixtures.simplex import LEAST, Bounds, BoundsError, draw_mixtures

NAMES = ("web", "books", "code", "math")
NATURAL = np.array([0.7, 0.2, 0.08, 0.02])


def test_draws_lie_around_the_natural_mixture() -> None:
    free = Bounds(NAMES, np.zeros(4), np.ones(4))
    drawn = draw_mixtures(NATURAL, 1000, (0.5, 5), free, np.random.default_rng(1))
    assert np.allclose(drawn.points.sum(axis=1), 1)
    assert drawn.points.mean(axis=0) == pytest.approx(NATURAL, abs=0.03)
    assert drawn.drawn_again == drawn.moved == 0
    assert ((drawn.points == 0) | (drawn.points >= LEAST)).all()
    near = draw_mixtures(NATURAL, 100, (500, 500), free, np.random.default_rng(1)).points
    assert np.abs(near - NATURAL).max() < 0.1 < np.abs(drawn.points - NATURAL).max()


def test_draws_keep_caps_and_minimum_tokens() -> None:
    # of 1,000 tokens there may be 120 of math, and there must be 100 of code
    bounds = Bounds.from_tokens(NAMES, np.array([700.0, 200, 80, 30]), 4.0, {"code": 100}, 1000)
    assert bounds.caps == pytest.approx([1, 0.8, 0.32, 0.12], rel=1e-5)
    drawn = draw_mixtures(NATURAL, 200, (0.1, 5), bounds, np.random.default_rng(2))
    assert bounds.hold(drawn.points).all()
    assert np.allclose(drawn.points.sum(axis=1), 1)
    assert drawn.drawn_again > 100


def test_what_no_draw_meets_is_moved_within() -> None:
    tight = Bounds(NAMES, np.zeros(4), np.array([0.3, 0.3, 0.3, 0.12]))
    drawn = draw_mixtures(NATURAL, 3, (50, 50), tight, np.random.default_rng(3))
    assert drawn.moved == 3
    assert tight.hold(drawn.points).all()


@given(st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=2, max_size=6), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_moving_within_keeps_bounds_and_the_sum(domains: list[tuple[float, float, float]], seed: int) -> None:
    names = tuple(map(str, range(len(domains))))
    floors = np.array([min(pair[:2]) / len(domains) for pair in domains])
    caps = np.array([max(pair[:2]) for pair in domains])
    if caps.sum() < 1:
        with pytest.raises(BoundsError, match=r"largest weights that the caps allow sum to"):
            Bounds(names, floors, caps)
        return
    bounds = Bounds(names, floors, caps)
    points = np.random.default_rng(seed).dirichlet(np.full(len(domains), 0.3), 5)
    moved = bounds.move_within(points)
    assert bounds.hold(moved).all()
    assert np.allclose(moved.sum(axis=1), 1, atol=1e-9)


def test_a_mixture_within_stays() -> None:
    bounds = Bounds(NAMES, np.zeros(4), np.full(4, 0.9))
    assert bounds.move_within(NATURAL[None])[0] == pytest.approx(NATURAL, abs=1e-9)


def test_bounds_that_leave_no_mixture() -> None:
    with pytest.raises(BoundsError, match=r"'math' is to have 0.3 at least, but 0.1 is the most its caps allow"):
        Bounds(NAMES, np.array([0, 0, 0, 0.3]), np.array([1, 1, 1, 0.1]))
    with pytest.raises(BoundsError, match=r"the largest weights that the caps allow sum to 0.4"):
        Bounds.from_tokens(NAMES, np.full(4, 100.0), 1.0, {}, 1000)
    with pytest.raises(BoundsError, match=r"the least weights sum to 1.2"):
        Bounds(NAMES, np.full(4, 0.3), np.ones(4))
