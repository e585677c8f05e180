import numpy as np
import pytest

from dspipe.stages.remix.mixtures.scale import KINDS, Scale, ScaleError, ScaleKind, measure_usual

VALUES = np.exp(np.random.default_rng(1).normal([1, -3], [0.1, 0.5], (400, 2)))


@pytest.mark.parametrize("kind", KINDS)
def test_metrics_come_back_in_their_own_unit(kind: ScaleKind) -> None:
    scale = Scale.of(VALUES, kind)
    assert scale.undo(scale.apply(VALUES)) == pytest.approx(VALUES)
    low, high = np.quantile(scale.apply(VALUES), (0.25, 0.75), axis=0)
    assert high - low == pytest.approx([1.349, 1.349])


def test_what_a_usual_difference_counts() -> None:
    objective = np.array([2.0, -2.0])
    assert Scale.of(VALUES, "usual").weigh(objective) == pytest.approx([0.5, 0.5])
    assert Scale.of(VALUES, "relative").weigh(objective) == pytest.approx([0.05, 0.25], rel=0.15)
    assert Scale.of(VALUES, "own").weigh(objective) == pytest.approx(VALUES.std(axis=0) / 2, rel=0.3)


def test_a_tenth_that_is_far_off_does_not_stretch_the_unit() -> None:
    wild = VALUES.copy()
    wild[::10] *= 50
    assert measure_usual(np.log(wild))[1] == pytest.approx(measure_usual(np.log(VALUES))[1], rel=0.2)


def test_a_metric_that_is_always_the_same_has_a_unit() -> None:
    middle, unit = measure_usual(np.full((5, 1), 3.0))
    assert (middle[0], unit[0]) == (3, 1)
    # most are the same: the quartiles are, too
    assert measure_usual(np.array([[1.0], [1], [1], [1], [1], [2]]))[1][0] > 0.1


def test_per_cents_are_of_numbers_above_0() -> None:
    with pytest.raises(ScaleError, match=r"'b' of y is -1, and .*: give --scale usual"):
        Scale.of(np.array([[1.0, 2], [3, -1]]), "relative", ("a", "b"), ("x", "y"))
