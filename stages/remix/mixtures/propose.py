"""From mixtures and what models brought with them: which one to take, what it should bring, and how sure that is."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np

from dspipe.stages.remix.mixtures.boosted import can_boost, fit_boosted
from dspipe.stages.remix.mixtures.held_out import Fit, HeldOut, Model, least_correlation, validate
from dspipe.stages.remix.mixtures.law import KNEES, RIDGES, Law, LawFit
from dspipe.stages.remix.mixtures.proposal import INTERVAL, Evidence, ExpectedMetric, Interval, Proposal
from dspipe.stages.remix.mixtures.scale import Scale, ScaleKind, measure_usual
from dspipe.stages.remix.mixtures.search import Objective, find_best, list_corners, refine
from dspipe.stages.remix.mixtures.simplex import Bounds, Float64

PULL = 0.1
"""What a mixture costs for each nat of its divergence from the natural one, in usual differences of the objective
between mixtures. Of two that are as good as each other the nearer to the natural one is taken. (Olmix takes 0.05 to 0.1
of the metric's unit for each nat, as much as its whole gain was.)"""
RESAMPLES = {"law": 200, "boosted": 20}
"""Bootstrap: trees take a hundred times as long to fit."""
WEIGHT_RESAMPLES = {"law": 40, "boosted": 10}
"""For so many of them the best mixture is looked for, too."""
ODD = 6.0
"""A run is odd that is so many usual errors from what the law says, and a usual difference at least."""
_DIGITS = 6
"""of a proposed weight"""
_COARSE = 8e-3
"""the finest exchange where the best mixture of a resample is looked for"""


class TooFewMixturesError(ValueError):
    """Fewer mixtures than the law has numbers; the message says how many are needed."""


class UnclearMixturesError(ValueError):
    """No model knows which of the mixtures that it hasn't seen is better; the message says what to do."""

    def __init__(self, message: str, held_out: dict[str, HeldOut]) -> None:
        super().__init__(message)
        self.held_out = held_out


def propose(
    evidence: Evidence, natural: Float64, bounds: Bounds, seed: int, kind: ScaleKind = "relative", pull: float = PULL
) -> Proposal:
    """The best mixture within the bounds, and between those that were measured, by the better of the models.

    natural   float64[domains]
    kind      what metrics are compared by
    pull      the cost of each nat of the divergence from the natural mixture, KL(proposed | natural), in usual
              differences of the objective

    Raises TooFewMixturesError, ScaleError, UnclearMixturesError.
    """
    _check_count(*evidence.ratios.shape)
    # a metric of which more is better is fitted as its negative, so that the law's curve bends the same way
    signs = np.where(evidence.objective < 0, -1.0, 1.0)
    scale = Scale.of(evidence.values, kind, evidence.metrics, evidence.runs)
    values, objective = scale.apply(evidence.values) * signs, scale.weigh(evidence.objective)
    ratios, measured = evidence.ratios, values @ objective
    cost = pull * float(measure_usual(measured[:, None])[1][0])
    fitting, held_out = _choose(ratios, values, objective, seed)
    model = fitting.fit(ratios, values, None)[0]
    corners = list_corners(natural, ratios, bounds)
    shares = find_best(_weigh(model, objective, natural, cost), corners, seed)
    best = _clear_rests(shares @ corners, bounds)
    resamples = _resample(ratios, values, model, fitting, seed)
    low, high = np.quantile(
        [
            refine(_weigh(other, objective, natural, cost), shares, corners, _COARSE) @ corners
            for other in resamples[: WEIGHT_RESAMPLES[fitting.name]]
        ],
        INTERVAL,
        axis=0,
    )
    points = np.stack([natural, best])
    expected = model.predict(points)
    said = np.stack([resample.predict(points) for resample in resamples])
    own, own_again = scale.undo(expected * signs), scale.undo(said * signs)
    best_run = int(np.argmin(measured))
    at_cap = (best > bounds.caps - 1e-6) & (bounds.caps < 1) & (bounds.caps > 0)
    at_most = (best > 0.99 * ratios.max(axis=0)) & (ratios.max(axis=0) < 0.99 * bounds.caps) & (best > natural)
    return Proposal(
        weights=_named(evidence.domains, bounds.round(best, _DIGITS)),
        natural=_named(evidence.domains, natural),
        weights_between={domain: (float(low[i]), float(high[i])) for i, domain in enumerate(evidence.domains)},
        model=fitting.name,
        knee=model.knee if isinstance(model, Law) else None,
        held_out=held_out,
        least_correlation=least_correlation(len(ratios)),
        scale=kind,
        pull=pull,
        gain=Interval.of(float((expected[0] - expected[1]) @ objective), (said[:, 0] - said[:, 1]) @ objective),
        by_metric={
            metric: ExpectedMetric(
                float(own[0, i]), float(own[1, i]), Interval.of(float(own[1, i]), own_again[:, 1, i])
            )
            for i, metric in enumerate(evidence.metrics)
        },
        best_run=evidence.runs[best_run],
        best_gain=float(expected[0] @ objective - measured[best_run]),
        distance=float(np.abs(ratios - best).sum(axis=1).min() / 2),
        usual_distance=float(np.quantile(_distances(ratios), 0.95)),
        at_cap=tuple(np.array(evidence.domains)[at_cap].tolist()),
        at_most_tried=tuple(np.array(evidence.domains)[at_most & ~at_cap].tolist()),
        odd_runs=_find_odd(evidence.runs, values - model.predict(ratios)),
    )


def _check_count(count: int, domains: int) -> None:
    if count < domains + 3:
        raise TooFewMixturesError(
            f"{count} mixtures can't say what {domains} domains bring: the law has {domains + 2} numbers for each "
            f"metric, so {domains + 3} are the least, and some {5 * domains} are usual"
        )


FitAgain = Callable[[Float64, Float64, Float64, Model], list[Model]]


@dataclass(frozen=True)
class _Fitting:
    """How a model is fitted, and how to resamples when it is known for the whole."""

    name: str
    fit: Fit
    fit_again: FitAgain


def _choose(ratios: Float64, values: Float64, objective: Float64, seed: int) -> tuple[_Fitting, dict[str, HeldOut]]:
    """The fitting with the smallest held-out error, and the errors of the best of each kind. Raises
    UnclearMixturesError."""
    found = [(validate(fitting.fit, ratios, values, objective, seed), fitting) for fitting in _list_fittings()]
    found.sort(key=lambda one: one[0].error)
    held_out = {fitting.name: error for error, fitting in reversed(found)}
    error, least = found[0][0], least_correlation(len(ratios))
    if error.spearman < least:
        raise UnclearMixturesError(
            "the metrics don't say which mixture is better: on mixtures that it wasn't fitted to, the best model has a "
            f"rank correlation of {error.spearman:.2f} (R2 {error.r2:.2f}), and with {len(ratios)} mixtures less than "
            f"{least:.2f} says nothing. Nothing is proposed. Run more mixtures, draw them wider (a smaller "
            "--concentration of `dspipe mixture sample`), or train longer on each (--tokens), so that mixtures differ "
            "by more than runs of one mixture do; leave out metrics that the models don't learn yet (--objective)",
            held_out,
        )
    return found[0][1], held_out


def _list_fittings() -> list[_Fitting]:
    laws = [_fitting_of_law(LawFit(knee, ridge)) for knee, ridge in product(KNEES, RIDGES)]
    if not can_boost():
        return laws

    def again(ratios: Float64, values: Float64, counts: Float64, whole: Model) -> list[Model]:
        return [*fit_boosted(ratios, values, counts)]

    return [*laws, _Fitting("boosted", fit_boosted, again)]


def _fitting_of_law(law: LawFit) -> _Fitting:
    def again(ratios: Float64, values: Float64, counts: Float64, whole: Model) -> list[Model]:
        return [*law.fit(ratios, values, counts, whole if isinstance(whole, Law) else None)]

    return _Fitting("law", law.fit, again)


def _weigh(model: Model, objective: Float64, natural: Float64, cost: float) -> Objective:
    def weigh(points: Float64) -> Float64:
        ratio = np.maximum(points, 1e-12) / np.maximum(natural, 1e-12)
        weighed: Float64 = model.predict(points) @ objective + cost * (points * np.log(ratio)).sum(axis=1)
        return weighed

    return weigh


def _resample(ratios: Float64, values: Float64, model: Model, fitting: _Fitting, seed: int) -> list[Model]:
    """The model fitted to mixtures drawn from the measured ones, with replacement."""
    count = len(ratios)
    counts = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), RESAMPLES[fitting.name])
    return fitting.fit_again(ratios, values, counts.astype(float), model)


def _find_odd(runs: tuple[str, ...], errors: Float64) -> tuple[str, ...]:
    """Runs with an error[runs, metrics] that the others don't have."""
    size = np.abs(errors)
    usual = np.median(size, axis=0) * 1.4826
    (odd,) = np.nonzero((size > np.maximum(ODD * usual, 1.0)).any(axis=1))
    return tuple(runs[number] for number in odd)


def _distances(ratios: Float64) -> Float64:
    """Each mixture's distance to its nearest neighbour."""
    apart = np.abs(ratios[:, None] - ratios[None]).sum(axis=2) / 2
    np.fill_diagonal(apart, np.inf)
    nearest: Float64 = apart.min(axis=1)
    return nearest


def _clear_rests(point: Float64, bounds: Bounds) -> Float64:
    """Without weights that only exchanges have left: less than 1e-5."""
    cleared: Float64 = bounds.move_within(np.where(point < 1e-5, 0, point)[None])[0]
    return cleared


def _named(domains: tuple[str, ...], weights: Float64) -> dict[str, float]:
    return dict(zip(domains, weights.tolist(), strict=True))
