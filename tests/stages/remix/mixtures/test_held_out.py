import numpy as np
import pytest

from dspipe.stages.remix.mixtures.held_out import least_correlation, rank_correlation, validate
from dspipe.stages.remix.mixtures.law import LawFit
from tests.stages.remix.mixtures.truth import make_truth, measure_mixtures


def test_the_error_is_that_of_the_noise() -> None:
    evidence = measure_mixtures(make_truth(), mixtures=100, noise=0.02)
    found = validate(LawFit().fit, evidence.ratios, evidence.values, evidence.objective, 0)
    # mean absolute error of the mean of two metrics
    usual = (2 / np.pi) ** 0.5 * 0.02
    assert usual / 2**0.5 * 0.7 < found.error < usual / 2**0.5 * 2.2
    assert found.r2 > 0.97 and found.spearman > 0.95
    assert found.error_by_metric == pytest.approx([2 * usual, usual], rel=0.4)


def test_noise_alone_is_not_explained() -> None:
    evidence = measure_mixtures(make_truth())
    noise = np.random.default_rng(5).normal(0, 1, evidence.values.shape)
    assert validate(LawFit().fit, evidence.ratios, noise, evidence.objective, 0).r2 < 0.2


def test_more_mixtures_need_a_lower_correlation() -> None:
    least = [least_correlation(mixtures) for mixtures in (6, 12, 24, 26, 1000)]
    assert least == pytest.approx([0.95, 0.75, 0.52, 0.5, 0.5], abs=0.01)
    rng = np.random.default_rng(1)
    chance = [rank_correlation(*rng.normal(0, 1, (2, 12))) for _ in range(500)]
    assert np.mean(np.array(chance) > least[1]) < 0.02


def test_rank_correlation() -> None:
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([10.0, 20, 90])) == pytest.approx(1)
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([3.0, 2, 1])) == pytest.approx(-1)
    assert rank_correlation(np.array([1.0, 1, 2]), np.array([5.0, 5, 7])) == pytest.approx(1)
    assert rank_correlation(np.ones(3), np.arange(3.0)) == 0
