from dataclasses import replace

import numpy as np
import pytest

from dspipe.stages.remix.mixtures import propose as proposing
from dspipe.stages.remix.mixtures.proposal import Evidence, Proposal
from dspipe.stages.remix.mixtures.propose import TooFewMixturesError, UnclearMixturesError, propose
from dspipe.stages.remix.mixtures.scale import ScaleError
from dspipe.stages.remix.mixtures.search import find_best, list_corners
from dspipe.stages.remix.mixtures.simplex import Bounds, Float64
from tests.stages.remix.mixtures.truth import (
    Truth,
    bounds_to,
    fail_some,
    make_steep_truth,
    make_truth,
    measure_mixtures,
)


@pytest.fixture(autouse=True)
def law_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees take a hundred times as long, and have tests of their own."""
    monkeypatch.setattr(proposing, "can_boost", lambda: False)


def gains(truth: Truth, evidence: Evidence, found: Proposal, bounds: Bounds) -> tuple[float, float]:
    """How much less the mean of the metrics truly is than of the natural mixture: of the proposal, and of the best
    mixture between those that were measured."""

    def true(points: Float64) -> Float64:
        return truth.measure(points) @ evidence.objective

    corners = list_corners(truth.natural, evidence.ratios, bounds)
    best = find_best(true, corners, 9) @ corners
    got = np.array([found.weights[name] for name in evidence.domains])
    natural, reached, possible = true(np.stack([truth.natural, got, best])).tolist()
    return natural - reached, natural - possible


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_the_optimum_of_a_known_law_is_found(seed: int) -> None:
    truth, bounds = make_truth(seed=seed), bounds_to(0.5, 6)
    evidence = measure_mixtures(truth, mixtures=64, noise=0.01)
    found = propose(evidence, truth.natural, bounds, 0, "own")
    reached, possible = gains(truth, evidence, found, bounds)
    assert reached > 0.9 * possible > 0
    assert found.gain.expected == pytest.approx(reached, abs=0.04)
    assert found.gain.low > 0
    weights = np.array([*found.weights.values()])
    assert bounds.hold(weights[None])[0]
    assert weights.sum() == pytest.approx(1, abs=1e-9)
    assert found.model == "law" and found.held_out["law"].spearman > 0.97
    for name, (low, high) in found.weights_between.items():
        assert 0 <= low <= high <= 0.5 + 1e-9, name
    assert {*found.at_cap} == {name for name, weight in found.weights.items() if weight > 0.5 - 1e-6}


@pytest.mark.parametrize("seed", [3, 4])
def test_mixtures_that_lack_a_domain_do_not_hide_the_others(seed: int) -> None:
    truth, bounds = make_steep_truth(seed=seed), bounds_to(0.7, 5)
    evidence = measure_mixtures(truth, mixtures=40)
    assert (evidence.ratios < 0.002).any(axis=1).mean() > 0.2
    found = propose(evidence, truth.natural, bounds, 0)
    reached, possible = gains(truth, evidence, found, bounds)
    assert reached > 0.9 * possible > 0
    assert found.knee is not None and not found.odd_runs


def test_runs_that_failed_count_little() -> None:
    truth, bounds = make_steep_truth(), bounds_to(0.7, 5)
    evidence = fail_some(measure_mixtures(truth, mixtures=48))
    found = propose(evidence, truth.natural, bounds, 0)
    reached, possible = gains(truth, evidence, found, bounds)
    assert reached > 0.8 * possible > 0
    assert found.gain.low > 0
    assert {*found.odd_runs} == {evidence.runs[number] for number in range(7, 48, 8)}


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_refused(seed: int) -> None:
    truth = make_truth(4)
    evidence = measure_mixtures(truth, mixtures=30)
    noise = np.random.default_rng(seed).normal(3, 0.5, evidence.values.shape)
    with pytest.raises(UnclearMixturesError, match=r"Nothing is proposed. Run more mixtures, draw them wider") as error:
        propose(replace(evidence, values=noise), truth.natural, bounds_to(1, 4), 0)
    assert error.value.held_out["law"].r2 < 0.3


def test_more_is_better_of_metrics_with_a_negative_weight() -> None:
    truth, bounds = make_truth(4, metrics=1), bounds_to(0.9, 4)
    evidence = measure_mixtures(truth)
    found = propose(evidence, truth.natural, bounds, 0)
    turned = replace(evidence, values=1 / evidence.values, objective=-evidence.objective)
    again = propose(turned, truth.natural, bounds, 0)
    assert again.weights == pytest.approx(found.weights, abs=1e-6)
    assert again.gain.expected == pytest.approx(found.gain.expected)
    assert again.by_metric["metric-0"].proposed == pytest.approx(1 / found.by_metric["metric-0"].proposed)


def test_a_metric_in_small_units_counts_as_much() -> None:
    truth, bounds = make_truth(3), bounds_to(0.5, 3)
    evidence = measure_mixtures(truth, mixtures=20)
    small = replace(evidence, values=evidence.values * [1, 1e-3])
    for kind in ("relative", "usual"):
        found, again = (propose(one, truth.natural, bounds, 0, kind) for one in (evidence, small))
        assert again.weights == pytest.approx(found.weights, abs=1e-6)
    with pytest.raises(ScaleError, match=r"the metric 'metric-1' of mix-000 is -"):
        propose(replace(evidence, values=evidence.values * [1, -1]), truth.natural, bounds, 0)


def test_a_proposal_is_pulled_to_the_natural_mixture_and_lies_between_those_measured() -> None:
    truth = make_truth(4, metrics=1)
    evidence = measure_mixtures(truth)
    near = np.abs(evidence.ratios - truth.natural).sum(axis=1) < 0.4
    runs = tuple(np.array(evidence.runs)[near].tolist())
    around = replace(evidence, ratios=evidence.ratios[near], values=evidence.values[near], runs=runs)
    free, pulled, tied = (propose(around, truth.natural, bounds_to(1, 4), 0, pull=pull) for pull in (0, 2, 1000))
    weights = np.array([*free.weights.values()])
    corners = np.concatenate([around.ratios, truth.natural[None]])
    assert (weights >= corners.min(axis=0) - 1e-6).all() and (weights <= corners.max(axis=0) + 1e-6).all()
    assert free.at_most_tried
    gained = [found.gain.expected for found in (free, pulled, tied)]
    assert gained[0] >= gained[1] > gained[2]
    assert tied.weights == pytest.approx(tied.natural, abs=5e-3)


def test_fewer_mixtures_than_numbers() -> None:
    truth = make_truth(6)
    evidence = measure_mixtures(truth, mixtures=8)
    with pytest.raises(
        TooFewMixturesError, match=r"8 mixtures can't say what 6 domains bring.* 9 are the least, .* 30"
    ):
        propose(evidence, truth.natural, bounds_to(1, 6), 0)
