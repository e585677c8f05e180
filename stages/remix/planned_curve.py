"""What a curve means for a domain: its shape, the scores where it begins and ends, and how far the draw may be off."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dspipe.stages.remix.curve import Shape, solve_curve
from dspipe.stages.remix.epochs import Domain, Float64, Int64
from dspipe.stages.remix.mixture_plan import MixturePlan, PlannedCurve
from dspipe.stages.remix.score_counts import BINS, NO_SCORE
from dspipe.stages.remix.settings import Curve, MixtureRequest
from dspipe.stages.remix.tail import merge_tail

_DEVIATIONS = 6
"""Of a draw: one domain in a thousand millions is off by more."""


@dataclass(frozen=True)
class FollowedCurve:
    """A domain's curve, and the tokens by which a draw of it may miss its target."""

    planned: PlannedCurve
    may_miss_by: int


def follow_curve(domain: Domain, curve: Curve | None, tokens: float) -> FollowedCurve | None:
    """The curve that draws so many tokens of a domain; None where there is none to follow."""
    if curve is None or domain.scores is None:
        return None
    shape = solve_curve(curve, tokens / domain.tokens if domain.tokens else 0.0)
    part = np.modf(shape.over_bins(domain.bins))[0]
    # copies beyond the whole ones are drawn or not, each document by itself
    variance = float((domain.scores.squares * part * (1 - part)).sum())
    planned = PlannedCurve(
        round(shape.highest, 9),
        round(shape.power, 9),
        _score_at(domain, curve.drop_below),
        _score_at(domain, 1 - curve.top),
        domain.scores.scored,
    )
    return FollowedCurve(planned, math.ceil(_DEVIATIONS * math.sqrt(variance)) + 1)


def epochs_by_score(
    plan: MixturePlan, domains: Sequence[Domain], request: MixtureRequest
) -> Mapping[str, tuple[Int64, Float64]] | None:
    """By domain the bins of scores and the epochs of each; None without a curve. `domains` are those that were
    counted."""
    if request.curve is None:
        return None
    curve, found = request.curve, {}
    for domain in merge_tail(domains, request.tail)[0]:
        if domain.scores is not None:
            shape: Shape = solve_curve(curve, plan.epochs[domain.name])
            found[domain.name] = domain.scores.bins, shape.over_bins(domain.bins)
    return found


def _score_at(domain: Domain, place: float) -> float | None:
    """The lowest score of the bin at a place of the domain's order; None where that has no score."""
    if domain.scores is None or domain.tokens == 0:
        return None
    ends = np.cumsum(domain.bins) / domain.tokens
    at = min(int(np.searchsorted(ends, place, side="right")), len(ends) - 1)
    found = int(domain.scores.bins[at])
    return None if found == NO_SCORE else BINS.start(found)
