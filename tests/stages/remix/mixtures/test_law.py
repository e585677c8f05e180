import numpy as np
import pytest

from dspipe.stages.remix.mixtures.law import REACH, Law, LawFit
from dspipe.stages.remix.mixtures.scale import Scale
from dspipe.stages.remix.mixtures.simplex import Float64
from tests.stages.remix.mixtures.truth import Truth, make_steep_truth, make_truth, measure_mixtures


def scaled(truth: Truth, noise: float = 0.01) -> tuple[Float64, Float64]:
    evidence = measure_mixtures(truth, noise=noise)
    return evidence.ratios, Scale.of(evidence.values, "own").apply(evidence.values)


@pytest.mark.parametrize("truth", [make_truth(), make_steep_truth()], ids=["log-linear", "powers"])
def test_a_law_without_noise_is_found(truth: Truth) -> None:
    ratios, values = scaled(truth, noise=0)
    (found,) = LawFit(truth.knee, 1e-8).fit(ratios, values)
    assert found.predict(ratios) == pytest.approx(values, abs=0.02)
    # of mixtures that weren't fitted, too
    again = measure_mixtures(truth, noise=0, seed=1)
    evidence = measure_mixtures(truth, noise=0)
    scale = Scale.of(evidence.values, "own")
    assert np.abs(scale.undo(found.predict(again.ratios)) - again.values).mean() < 0.02


def test_each_row_of_counts_is_a_fit_of_its_own() -> None:
    ratios, values = scaled(make_truth())
    half = np.arange(64) < 32
    counts = np.stack([np.ones(64), half.astype(float)])
    both, first = LawFit().fit(ratios, values, counts)
    (alone,) = LawFit().fit(ratios, values)
    assert both.predict(ratios) == pytest.approx(alone.predict(ratios), abs=1e-6)
    changed = np.where(half[:, None], values, values[::-1])
    (_, same) = LawFit().fit(ratios, changed, counts)
    assert np.abs(same.predict(ratios[:32]) - first.predict(ratios[:32])).max() < 0.1
    assert np.abs(both.predict(ratios) - first.predict(ratios)).max() > 1e-3


def test_resamples_begin_at_the_whole_fit() -> None:
    ratios, values = scaled(make_truth())
    (whole,) = LawFit().fit(ratios, values)
    counts = np.random.default_rng(1).multinomial(64, np.full(64, 1 / 64), 3).astype(float)
    begun = LawFit().fit(ratios, values, counts, start=whole)
    anew = LawFit().fit(ratios, values, counts)
    for one, other in zip(begun, anew, strict=True):
        assert np.abs(one.predict(ratios) - other.predict(ratios)).mean() < 0.05


def test_a_run_that_failed_moves_the_law_little() -> None:
    ratios, values = scaled(make_truth())
    (before,) = LawFit().fit(ratios, values)
    failed = values.copy()
    failed[::10] += 30
    (after,) = LawFit().fit(ratios, failed)
    others = np.arange(64) % 10 != 0
    assert np.abs(after.predict(ratios) - before.predict(ratios))[others].mean() < 0.15


def test_nothing_much_better_than_what_was_fitted_is_said() -> None:
    law = Law(None, np.array([-1e3]), np.array([[90.0, -90.0, 0.0]]), np.array([-2.0]), np.array([4.0]))
    assert law.predict(np.array([[1.0, 0.0], [0.0, 1.0]])).ravel().tolist() == [4, -2]
    ratios, values = scaled(make_truth())
    (found,) = LawFit().fit(ratios, values)
    assert found.lowest == pytest.approx(values.min(axis=0) - REACH)
    assert found.highest == pytest.approx(values.max(axis=0) + REACH)


def test_a_metric_that_is_always_the_same() -> None:
    ratios, _ = scaled(make_truth())
    (found,) = LawFit().fit(ratios, np.zeros((64, 1)))
    assert found.predict(ratios) == pytest.approx(np.zeros((64, 1)), abs=1e-3)
