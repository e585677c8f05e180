import numpy as np
import pytest

from dspipe.stages.remix.mixtures.log_linear import fit_log_linear
from tests.stages.remix.mixtures.truth import make_truth, measure_mixtures


def test_a_law_without_noise_is_found() -> None:
    truth = make_truth()
    evidence = measure_mixtures(truth, noise=0)
    (found,) = fit_log_linear(evidence.ratios, evidence.values, ridge=1e-8)
    assert found.predict(evidence.ratios) == pytest.approx(evidence.values, abs=1e-3)
    # what a constant is and what the scale: c in the metric's own unit
    assert found.mean + found.scale * found.c == pytest.approx(truth.c, abs=0.05)
    differences = (found.w - found.w.mean(axis=1, keepdims=True)) - (truth.w - truth.w.mean(axis=1, keepdims=True))
    assert np.abs(differences).max() < 0.2


def test_each_row_of_counts_is_a_fit_of_its_own() -> None:
    evidence = measure_mixtures(make_truth())
    half = np.arange(64) < 32
    both, first = fit_log_linear(evidence.ratios, evidence.values, np.stack([np.ones(64), half.astype(float)]))
    # the spread of all is the unit, so a fit to less of them is another fit only by its counts
    (alone,) = fit_log_linear(evidence.ratios, evidence.values)
    assert both.predict(evidence.ratios) == pytest.approx(alone.predict(evidence.ratios), abs=1e-6)
    changed = np.where(half[:, None], evidence.values, evidence.values[::-1])
    (_, same) = fit_log_linear(evidence.ratios, changed, np.stack([np.ones(64), half.astype(float)]))
    assert np.abs(same.predict(evidence.ratios[:32]) - first.predict(evidence.ratios[:32])).max() < 0.02
    assert np.abs(both.predict(evidence.ratios) - first.predict(evidence.ratios)).max() > 1e-4


def test_resamples_begin_at_the_whole_fit() -> None:
    evidence = measure_mixtures(make_truth())
    (whole,) = fit_log_linear(evidence.ratios, evidence.values)
    counts = np.random.default_rng(1).multinomial(64, np.full(64, 1 / 64), 3).astype(float)
    begun = fit_log_linear(evidence.ratios, evidence.values, counts, start=whole)
    anew = fit_log_linear(evidence.ratios, evidence.values, counts)
    for one, other in zip(begun, anew, strict=True):
        assert one.predict(evidence.ratios) == pytest.approx(other.predict(evidence.ratios), abs=0.02)


def test_a_metric_that_is_always_the_same() -> None:
    evidence = measure_mixtures(make_truth())
    (found,) = fit_log_linear(evidence.ratios, np.full((64, 1), 2.5))
    assert found.predict(evidence.ratios) == pytest.approx(np.full((64, 1), 2.5), abs=1e-3)
