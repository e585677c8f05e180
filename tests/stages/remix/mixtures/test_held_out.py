import numpy as np
import pytest

from dspipe.stages.remix.mixtures.held_out import rank_correlation, validate
from dspipe.stages.remix.mixtures.log_linear import fit_log_linear
from tests.stages.remix.mixtures.truth import make_truth, measure_mixtures


def test_the_error_is_that_of_the_noise() -> None:
    evidence = measure_mixtures(make_truth(), mixtures=100, noise=0.02)
    found = validate(fit_log_linear, evidence.ratios, evidence.values, evidence.objective, 0)
    # of the mean of two metrics
    assert 0.02 / 2**0.5 * 0.7 < found.rmse < 0.02 / 2**0.5 * 1.5
    assert found.r2 > 0.97 and found.spearman > 0.95
    assert found.rmse_by_metric == pytest.approx([0.02, 0.02], rel=0.4)


def test_noise_alone_is_not_explained() -> None:
    evidence = measure_mixtures(make_truth())
    noise = np.random.default_rng(5).normal(0, 1, evidence.values.shape)
    assert validate(fit_log_linear, evidence.ratios, noise, evidence.objective, 0).r2 < 0.2


def test_rank_correlation() -> None:
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([10.0, 20, 90])) == pytest.approx(1)
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([3.0, 2, 1])) == pytest.approx(-1)
    assert rank_correlation(np.array([1.0, 1, 2]), np.array([5.0, 5, 7])) == pytest.approx(1)
    assert rank_correlation(np.ones(3), np.arange(3.0)) == 0
