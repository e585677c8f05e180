"""Curves of epochs against numerical integration, and what they keep."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspipe.stages.remix.curve import most_epochs, solve_curve
from dspipe.stages.remix.settings import Curve

CURVES = st.builds(
    lambda below, top, most, steep: Curve(of="x", drop_below=below, top=top, max_epochs=most, steepness=steep),
    st.floats(0, 0.7),
    st.floats(0, 0.25),
    st.floats(0.5, 10),
    st.floats(0, 4),
)
MASSES = st.lists(st.integers(0, 50), min_size=1, max_size=40).filter(any)


def plain(curve: Curve, highest: float, power: float, place: float) -> float:
    """The curve as the module's words say it."""
    if place < curve.drop_below:
        return 0.0
    part = min((place - curve.drop_below) / (1 - curve.top - curve.drop_below), 1.0)
    return float(highest * part**power)


@given(CURVES, MASSES, st.floats(0.001, 1))
def test_the_mean_is_what_was_asked_within_the_caps(curve: Curve, masses: list[int], part: float) -> None:
    mean = part * most_epochs(curve)
    shape = solve_curve(curve, mean)
    epochs = shape.over_bins(np.array(masses))
    assert (epochs * masses).sum() / sum(masses) == pytest.approx(mean, rel=1e-9)
    occurring = epochs[np.array(masses) > 0]
    assert (np.diff(occurring) >= -1e-9).all()
    assert occurring.max() <= curve.max_epochs * (1 + 1e-9)
    # nothing of bins that stand wholly below
    ends = np.cumsum(masses) / sum(masses)
    assert (epochs[(ends <= curve.drop_below) & (np.array(masses) > 0)] == 0).all()


@given(CURVES, MASSES, st.floats(0.01, 1), st.floats(0.01, 1))
def test_more_tokens_make_no_document_rarer(curve: Curve, masses: list[int], one: float, other: float) -> None:
    less, more = (
        solve_curve(curve, part * most_epochs(curve)).over_bins(np.array(masses)) for part in sorted([one, other])
    )
    assert (more >= less - 1e-9).all()


@pytest.mark.parametrize("mean", [0.1, 1.0, 2.5, 4.1])
def test_bins_have_the_mean_of_the_curve_over_them(mean: float) -> None:
    curve = Curve(of="x")
    shape = solve_curve(curve, mean)
    masses = np.array([10, 35, 5, 44, 6])
    ends = np.cumsum(masses) / 100
    for start, end, epochs in zip([0.0, *ends[:-1]], ends, shape.over_bins(masses), strict=True):
        places = np.linspace(start, end, 40_001)
        middle = (places[1:] + places[:-1]) / 2
        values = [plain(curve, shape.highest, shape.power, float(place)) for place in middle]
        assert epochs == pytest.approx(np.mean(values), rel=2e-3, abs=1e-3)


def test_the_published_pattern() -> None:
    """dolma3's README, for 2.5 epochs: nothing of the lowest 40 %, about 1 to 4 in the middle, 5 to 7 above 90 %."""
    epochs = solve_curve(Curve(of="x"), 2.5).over_bins(np.ones(20))
    assert (epochs[:8] == 0).all()
    assert epochs[18:].min() > 5 and epochs[19] == pytest.approx(7)
    assert 0 < epochs[8] < epochs[12] < 4


def test_the_steepness_gives_way_to_the_caps() -> None:
    curve = Curve(of="x")
    assert solve_curve(curve, 0.5).power == 2 and solve_curve(curve, 0.5).highest < 7
    assert solve_curve(curve, 4.2).power == pytest.approx(0, abs=1e-9)
    assert most_epochs(curve) == pytest.approx(4.2)
