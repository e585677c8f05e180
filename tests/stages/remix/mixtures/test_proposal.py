from dataclasses import replace

import numpy as np
import pytest

from dspipe.stages.remix.mixtures import proposal
from dspipe.stages.remix.mixtures.proposal import TooFewMixturesError, propose
from dspipe.stages.remix.mixtures.search import find_best
from dspipe.stages.remix.mixtures.simplex import Float64
from tests.stages.remix.mixtures.truth import bounds_to, make_truth, measure_mixtures


@pytest.fixture(autouse=True)
def law_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees take a hundred times as long, and have tests of their own."""
    monkeypatch.setattr(proposal, "can_boost", lambda: False)


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_the_optimum_of_a_known_law_is_found(seed: int) -> None:
    truth, bounds = make_truth(seed=seed), bounds_to(0.5, 6)
    evidence = measure_mixtures(truth, mixtures=64, noise=0.01)
    found = propose(evidence, truth.natural, bounds, 0)

    def true(points: Float64) -> Float64:
        return truth.measure(points) @ evidence.objective

    best = find_best(true, truth.natural, evidence.ratios, bounds, 9)
    got = np.array([found.weights[name] for name in evidence.domains])
    reached, possible, natural = (float(true(point[None])[0]) for point in (got, best, truth.natural))
    # nine tenths of what can be gained, and nothing below the truth's own best
    assert natural - reached > 0.9 * (natural - possible) > 0
    assert found.objective.expected == pytest.approx(reached, abs=0.03)
    assert found.gain.low > 0
    assert found.gain.low - 0.02 < natural - reached < found.gain.high + 0.02
    assert bounds.hold(got[None])[0]
    assert sum(found.weights.values()) == pytest.approx(1, abs=1e-9)
    assert found.model == "log_linear" and found.held_out["log_linear"].r2 > 0.85
    for name, (low, high) in found.weights_between.items():
        assert 0 <= low <= high <= 0.5 + 1e-9, name
    assert {*found.at_cap} == {name for name, weight in found.weights.items() if weight > 0.5 - 1e-6}


def test_more_is_better_of_metrics_with_a_negative_weight() -> None:
    truth, bounds = make_truth(4, metrics=1), bounds_to(0.9, 4)
    evidence = measure_mixtures(truth)
    found = propose(evidence, truth.natural, bounds, 0)
    turned = propose(
        replace(evidence, values=-evidence.values, objective=-evidence.objective), truth.natural, bounds, 0
    )
    assert turned.weights == pytest.approx(found.weights, abs=1e-6)
    assert turned.by_metric["metric-0"] == pytest.approx([-value for value in found.by_metric["metric-0"]])


def test_noise_gives_no_sure_gain() -> None:
    truth = make_truth(4, metrics=1)
    evidence = measure_mixtures(truth, mixtures=30)
    noise = np.random.default_rng(8).normal(0, 1, evidence.values.shape)
    found = propose(replace(evidence, values=noise), truth.natural, bounds_to(1, 4), 0)
    assert found.held_out["log_linear"].r2 < 0.3
    # the best of many is always better than the natural one: only the width says that nothing is known
    assert found.gain.high - found.gain.low > 0.5
    assert max(high - low for low, high in found.weights_between.values()) > 0.3


def test_how_far_it_is_from_what_was_measured() -> None:
    truth = make_truth(4)
    evidence = measure_mixtures(truth)
    near = np.abs(evidence.ratios - truth.natural).sum(axis=1) < 0.3
    around = replace(evidence, ratios=evidence.ratios[near][:12], values=evidence.values[near][:12])
    assert propose(around, truth.natural, bounds_to(1, 4), 0).extrapolates


def test_fewer_mixtures_than_numbers() -> None:
    truth = make_truth(6)
    evidence = measure_mixtures(truth, mixtures=7)
    with pytest.raises(
        TooFewMixturesError, match=r"7 mixtures can't say what 6 domains bring.* 8 are the least, .* 30"
    ):
        propose(evidence, truth.natural, bounds_to(1, 6), 0)
