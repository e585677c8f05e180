import numpy as np
import pytest

from dspipe.stages.remix.mixtures.boosted import fit_boosted
from dspipe.stages.remix.mixtures.held_out import validate
from dspipe.stages.remix.mixtures.law import LawFit
from tests.stages.remix.mixtures.truth import make_truth, measure_mixtures

pytest.importorskip("sklearn", reason="the extra `mixture` isn't installed")


def test_a_step_is_said_better_by_trees() -> None:
    ratios = measure_mixtures(make_truth(3), mixtures=60).ratios
    largest = ratios[:, [int(ratios.mean(axis=0).argmax())]]
    values = (largest > np.median(largest)).astype(float)
    errors = [validate(fit, ratios, values, np.ones(1), 0).error for fit in (LawFit().fit, fit_boosted)]
    assert errors[1] < 0.6 * errors[0]


def test_counts_leave_mixtures_out() -> None:
    ratios = measure_mixtures(make_truth(3), mixtures=40).ratios
    values = ratios[:, :1].copy()
    values[20:] = 99
    (found,) = fit_boosted(ratios, values, (np.arange(40) < 20).astype(float)[None])
    assert found.predict(ratios).max() <= 1
