"""From mixtures and what models brought with them: which one to take, what it should bring, and how sure that is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from dspipe.stages.remix.mixtures.boosted import can_boost, fit_boosted
from dspipe.stages.remix.mixtures.held_out import Fit, HeldOut, Model, validate
from dspipe.stages.remix.mixtures.log_linear import RIDGES, LogLinear, fit_log_linear
from dspipe.stages.remix.mixtures.search import Objective, find_best, refine
from dspipe.stages.remix.mixtures.simplex import Bounds, Float64

RESAMPLES = {"log_linear": 200, "boosted": 20}
"""Bootstrap: trees take a hundred times as long to fit."""
WEIGHT_RESAMPLES = {"log_linear": 40, "boosted": 10}
"""For so many of them the best mixture is looked for, too."""
INTERVAL = (0.05, 0.95)
_COARSE = 4e-3
"""the finest exchange where the best mixture of a resample is looked for"""


class TooFewMixturesError(ValueError):
    """Fewer mixtures than the law has numbers; the message says how many are needed."""


@dataclass(frozen=True)
class Evidence:
    """Mixtures and the metrics that models had which were trained on them. Lower is better of each metric that counts
    with a weight above 0, higher where it is below."""

    domains: tuple[str, ...]
    metrics: tuple[str, ...]
    ratios: Float64
    """float64[mixtures, domains]"""
    values: Float64
    """float64[mixtures, metrics]"""
    objective: Float64
    """float64[metrics], the weights of their sum"""


@dataclass(frozen=True)
class Interval:
    """What is expected, and where 90 % of the resamples' values lie."""

    expected: float
    low: float
    high: float

    @classmethod
    def of(cls, expected: float, resampled: Float64) -> "Interval":
        """From what each resample says."""
        low, high = np.quantile(resampled, INTERVAL)
        return cls(expected, float(low), float(high))


@dataclass(frozen=True)
class Proposal:
    """A mixture to train on, beside the natural one."""

    weights: dict[str, float]
    natural: dict[str, float]
    weights_between: dict[str, tuple[float, float]]
    """by domain, 90 % of the best mixtures of resamples"""
    model: str
    """log_linear or boosted: the one with the smaller held-out error"""
    held_out: dict[str, HeldOut]
    """by model"""
    objective: Interval
    objective_natural: Interval
    gain: Interval
    """natural less proposed: above 0 the proposal is better"""
    by_metric: dict[str, tuple[float, float]]
    """what is expected of the natural mixture and of the proposed one"""
    best_measured: float
    """the objective of the best mixture that was measured"""
    distance: float
    """to the nearest mixture that was measured: the part of all tokens that is of another domain, 0..1"""
    usual_distance: float
    """95 % of the measured mixtures have a neighbour nearer than this"""
    at_cap: tuple[str, ...]
    """domains of which there isn't more within the epochs"""

    @property
    def extrapolates(self) -> bool:
        """Whether the proposed mixture is farther from what was measured than measured ones are from each other."""
        return self.distance > self.usual_distance

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        values = {name: value for name, value in vars(self).items() if name != "held_out"}
        for name in ("objective", "objective_natural", "gain"):
            values[name] = vars(values[name])
        errors = {name: vars(found) for name, found in self.held_out.items()}
        return {**values, "held_out": errors, "extrapolates": self.extrapolates}


def propose(evidence: Evidence, natural: Float64, bounds: Bounds, seed: int) -> Proposal:
    """The best mixture within the bounds by the better of the models. natural: float64[domains].

    Raises TooFewMixturesError.
    """
    count, domains = evidence.ratios.shape
    if count < domains + 2:
        raise TooFewMixturesError(
            f"{count} mixtures can't say what {domains} domains bring: the log-linear law has {domains + 1} numbers "
            f"for each metric, so {domains + 2} are the least, and some {5 * domains} are usual"
        )
    # a metric of which more is better is fitted as its negative, so that the law's curve bends the same way
    signs = np.where(evidence.objective < 0, -1.0, 1.0)
    values, objective = evidence.values * signs, np.abs(evidence.objective)
    found = [(validate(fitting.fit, evidence.ratios, values, objective, seed), fitting) for fitting in _list_fittings()]
    found.sort(key=lambda one: one[0].rmse)
    held_out = {fitting.name: error for error, fitting in reversed(found)}  # the best of each
    name, fit, fit_again = found[0][1].name, found[0][1].fit, found[0][1].fit_again
    model = fit(evidence.ratios, values, None)[0]
    best = find_best(_weighed(model, objective), natural, evidence.ratios, bounds, seed)
    resamples = _resample(evidence.ratios, values, model, fit_again, RESAMPLES[name], seed)
    points = np.stack([best, natural])
    said = np.stack([resample.predict(points) @ objective for resample in resamples])
    others = np.stack(
        [refine(_weighed(other, objective), best, bounds, _COARSE) for other in resamples[: WEIGHT_RESAMPLES[name]]]
    )
    expected = model.predict(points)
    sums, (low, high) = expected @ objective, np.quantile(others, INTERVAL, axis=0)
    by_metric = dict(zip(evidence.metrics, zip(*(expected[::-1] * signs).tolist(), strict=True), strict=True))
    distances = _distances(evidence.ratios)
    return Proposal(
        weights=_rounded(evidence.domains, best, bounds),
        natural=_named(evidence.domains, natural),
        weights_between={domain: (float(low[i]), float(high[i])) for i, domain in enumerate(evidence.domains)},
        model=name,
        held_out=held_out,
        objective=Interval.of(float(sums[0]), said[:, 0]),
        objective_natural=Interval.of(float(sums[1]), said[:, 1]),
        gain=Interval.of(float(sums[1] - sums[0]), said[:, 1] - said[:, 0]),
        by_metric={metric: (before, after) for metric, (before, after) in by_metric.items()},
        best_measured=float((values @ objective).min()),
        distance=float(np.abs(evidence.ratios - best).sum(axis=1).min() / 2),
        usual_distance=float(np.quantile(distances, 0.95)),
        at_cap=tuple(
            domain
            for domain, weight, cap in zip(evidence.domains, best, bounds.caps, strict=True)
            if 0 < cap < 1 and weight > cap - 1e-6
        ),
    )


FitAgain = Callable[[Float64, Float64, Float64, Model], list[Model]]


@dataclass(frozen=True)
class _Fitting:
    """How a model is fitted, and how to resamples when it is known for the whole."""

    name: str
    fit: Fit
    fit_again: FitAgain


def _list_fittings() -> list[_Fitting]:
    laws = [_fitting_of_law(ridge) for ridge in RIDGES]
    if not can_boost():
        return laws

    def again(ratios: Float64, values: Float64, counts: Float64, whole: Model) -> list[Model]:
        return [*fit_boosted(ratios, values, counts)]

    return [*laws, _Fitting("boosted", fit_boosted, again)]


def _fitting_of_law(ridge: float) -> _Fitting:
    def again(ratios: Float64, values: Float64, counts: Float64, whole: Model) -> list[Model]:
        return [*fit_log_linear(ratios, values, counts, ridge, whole if isinstance(whole, LogLinear) else None)]

    return _Fitting("log_linear", partial(fit_log_linear, ridge=ridge), again)


def _weighed(model: Model, objective: Float64) -> Objective:
    return lambda points: model.predict(points) @ objective


def _resample(
    ratios: Float64, values: Float64, model: Model, fit_again: FitAgain, resamples: int, seed: int
) -> list[Model]:
    """The model fitted to mixtures drawn from the measured ones, with replacement."""
    count = len(ratios)
    counts = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples).astype(float)
    return fit_again(ratios, values, counts, model)


def _distances(ratios: Float64) -> Float64:
    """Each mixture's distance to its nearest neighbour."""
    apart = np.abs(ratios[:, None] - ratios[None]).sum(axis=2) / 2
    np.fill_diagonal(apart, np.inf)
    nearest: Float64 = apart.min(axis=1)
    return nearest


def _named(domains: tuple[str, ...], weights: Float64) -> dict[str, float]:
    return dict(zip(domains, weights.tolist(), strict=True))


def _rounded(domains: tuple[str, ...], weights: Float64, bounds: Bounds) -> dict[str, float]:
    """Weights of six digits that sum to 1: what rounding leaves goes to the domain with the most room below its cap."""
    rounded = np.round(weights, 6)
    rounded[int(np.argmax(np.where(weights > 0, bounds.caps - weights, -1)))] += 1 - rounded.sum()
    return _named(domains, np.round(rounded, 6))
