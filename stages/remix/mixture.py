"""The arithmetic of a mixture: how many tokens of each domain are drawn.

With targets lambda * weight, floors and caps, one number lambda makes the tokens meet the budget. Weights alone: lambda
is the budget. Equal weights and caps at N epochs: that is UniMax (Chung et al. 2023, algorithm 1). Weights
n ** (1 / T): temperature sampling (Devlin et al. 2019) that doesn't run over its caps.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dspipe.pipeline.errors import UnfitSettingError
from dspipe.stages.remix.bound_by import Outcome, say_what_binds
from dspipe.stages.remix.curve import most_epochs
from dspipe.stages.remix.epochs import Domain, Float64, epochs_for
from dspipe.stages.remix.mixture_plan import MixturePlan, PlannedDomain, PlannedPart
from dspipe.stages.remix.planned_curve import follow_curve
from dspipe.stages.remix.settings import Curve, MixtureRequest, Part
from dspipe.stages.remix.tail import merge_tail
from dspipe.stages.remix.weights import check_names_merged, list_names, weigh_domains


def plan_mixture(
    domains: Sequence[Domain], request: MixtureRequest, seed: int, unit: str = "tokens", clamp: bool = False
) -> MixturePlan:
    """How many tokens of each domain are drawn.

    Without a budget it is what the caps allow, at most all the tokens there are (weights), or what the multipliers say.
    Raises UnfitSettingError, with the arithmetic, for what can't be met: no such domain, nothing in it, a domain that
    no weight is given for, a budget above the caps. With `clamp`, the budget and the minimum tokens are taken as far as
    the caps allow instead.
    """
    domains, merged = merge_tail(domains, request.tail)
    check_names_merged(request, merged)
    supply = _Supply(domains, request, unit)
    demands = [_Demand(part, weigh_domains(domains, part, request.others)) for part in request.parts]
    if request.curve is not None:
        _check_scores(domains, demands, request.curve)
    if not clamp:
        supply.check_min_tokens()
    drawn = np.zeros((len(demands), len(domains)))
    if any(demand.weights.any() for demand in demands):
        budget = _default_budget(supply, demands) if request.tokens is None else request.tokens
        if clamp:
            budget = min(budget, _max_budget(supply, demands))
        else:
            _check_budget(supply, demands, budget)
        for number, demand in enumerate(demands):
            left = supply.caps - drawn[:number].sum(axis=0)
            # minimum tokens count over the whole run: each part gives its share of them
            floors = np.minimum(supply.min_tokens * demand.part.share, left)
            drawn[number] = _solve(demand.weights, demand.part.share * budget, floors, left)
            if demand.part.strict and not clamp:
                _check_part(supply, drawn[number], demand.part.share * budget)
    return _make_plan(supply, demands, drawn, request, seed, merged)


@dataclass(frozen=True)
class _Demand:
    """A part of the run, and the weights of the domains in it: float64[domains]."""

    part: Part
    weights: Float64


class _Supply:
    """What there is of the domains, and how much of each may and must be drawn: all float64[domains], in `unit`."""

    def __init__(self, domains: Sequence[Domain], request: MixtureRequest, unit: str) -> None:
        self.domains, self.unit = domains, unit
        by_domain = request.max_epochs if isinstance(request.max_epochs, dict) else {}
        known = {domain.name for domain in domains}
        for key, names in (("min_tokens", request.min_tokens), ("max_epochs", by_domain)):
            for name in names:
                if name not in known:
                    message = f"there is no domain {name!r}; there are {list_names(known)}"
                    raise UnfitSettingError(message, (key, name))
        for_all = math.inf if isinstance(request.max_epochs, dict) else request.max_epochs
        self.most_asked = [by_domain.get(domain.name, for_all) for domain in domains]
        most = math.inf if request.curve is None else most_epochs(request.curve)
        self.max_epochs = np.minimum(np.array(self.most_asked, float), most)
        # an endless number of epochs of nothing is nothing
        self.caps = np.array(
            [domain.tokens and domain.tokens * epochs for domain, epochs in zip(domains, self.max_epochs, strict=True)],
            float,
        )
        self.min_tokens = np.array([request.min_tokens.get(domain.name, 0) for domain in domains], float)

    def check_min_tokens(self) -> None:
        """Raises UnfitSettingError where a domain hasn't as many tokens as it is to give at least."""
        for i, domain in enumerate(self.domains):
            if self.min_tokens[i] > self.caps[i]:
                raise UnfitSettingError(
                    f"min_tokens asks {self.min_tokens[i]:.6g} {self.unit} of {domain.name!r}, but {self.describe(i)}",
                    ("min_tokens", domain.name),
                )

    def describe(self, i: int) -> str:
        """How much of a domain may be drawn, for a message."""
        tokens, epochs = self.domains[i].tokens, self.max_epochs[i]
        return f"its {tokens:,} {self.unit} in {epochs:g} epochs are {self.caps[i]:.6g}"


def _default_budget(supply: _Supply, demands: Sequence[_Demand]) -> float:
    if len(demands) == 1 and (multipliers := demands[0].part.multipliers) is not None:
        return math.fsum(domain.tokens * multipliers.get(domain.name, 1.0) for domain in supply.domains)
    return min(float(sum(domain.tokens for domain in supply.domains)), _max_budget(supply, demands))


def _strict_weights(supply: _Supply, demands: Sequence[_Demand]) -> Float64:
    """The part of the budget that must come of each domain."""
    strict = [demand.weights * demand.part.share for demand in demands if demand.part.strict]
    return sum(strict, np.zeros(len(supply.domains)))


def _max_budget(supply: _Supply, demands: Sequence[_Demand]) -> float:
    """The largest budget that the caps allow: what strict parts ask grows with it, the others take what is left."""
    strict = _strict_weights(supply, demands)
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = float(np.min(np.where(strict > 0, supply.caps / strict, np.inf), initial=np.inf))
    reached = np.any([demand.weights > 0 for demand in demands], axis=0)
    return min(limit, float(supply.caps[reached].sum()))


def _check_budget(supply: _Supply, demands: Sequence[_Demand], budget: float) -> None:
    largest = _max_budget(supply, demands)
    if budget <= largest * (1 + 1e-9):
        return
    strict = _strict_weights(supply, demands)
    lines = [
        f"{domain.name!r}: {strict[i]:.4g} of {budget:.6g} is {strict[i] * budget:.6g}, but {supply.describe(i)}"
        for i, domain in enumerate(supply.domains)
        if strict[i] * budget > supply.caps[i] * (1 + 1e-9)
    ] or [f"all domains within their epochs give {float(supply.caps.sum()):.6g}, not {budget:.6g}"]
    raise UnfitSettingError(
        f"the mixture can't be drawn: {'; '.join(lines)}. The largest budget these caps allow is {largest:.6g} "
        f"{supply.unit}",
        ("tokens",),
    )


def _solve(weights: Float64, total: float, floors: Float64, caps: Float64) -> Float64:
    """clip(lambda * weights, floors, caps) with the lambda that makes it sum to `total` (or as near as it gets)."""

    def drawn(scale: float) -> Float64:
        return np.clip(scale * weights, floors, caps)

    low, high = 0.0, max(total, 1.0)
    while drawn(high).sum() < total and high < 1e30:
        high *= 2
    for _ in range(200):  # halving: ends when no float64 lies between
        half = (low + high) / 2
        if half in (low, high):
            break
        low, high = (half, high) if drawn(half).sum() < total else (low, half)
    return drawn(high)


def _check_part(supply: _Supply, drawn: Float64, total: float) -> None:
    if abs(float(drawn.sum()) - total) > 1e-6 * max(total, 1.0):
        terms = " + ".join(f"{domain.name} {value:.6g}" for domain, value in zip(supply.domains, drawn, strict=True))
        raise UnfitSettingError(
            f"the mixture can't be drawn: {total:.6g} {supply.unit} are asked, but minimum tokens and epochs make it "
            f"{terms} = {float(drawn.sum()):.6g}",
            ("min_tokens",),
        )


def _make_plan(
    supply: _Supply,
    demands: Sequence[_Demand],
    drawn: Float64,
    request: MixtureRequest,
    seed: int,
    merged: Mapping[str, str],
) -> MixturePlan:
    """The plan of drawing drawn[part, domain] tokens."""
    total = float(sum(row.sum() for row in drawn))
    asked = sum((demand.weights * demand.part.share for demand in demands), np.zeros(len(supply.domains)))
    ends = np.cumsum(drawn, axis=0)
    domains = []
    for i, domain in enumerate(supply.domains):
        got = float(ends[-1, i])
        share = got / total if total else 0.0
        outcome = Outcome(float(asked[i]), share, got, float(supply.min_tokens[i]), supply.most_asked[i])
        curve = follow_curve(domain, request.curve, got)
        domains.append(
            PlannedDomain(
                domain=domain.name,
                documents=domain.documents,
                tokens=domain.tokens,
                weight_asked=round(float(asked[i]), 9),
                weight_got=round(share, 9),
                epochs=round(got / domain.tokens, 9) if domain.tokens else 0.0,
                tokens_drawn=round(got),
                bound_by=say_what_binds(domain, outcome, request, supply.unit),
                may_miss_by=int(domain.bins.max(initial=0)) if curve is None else curve.may_miss_by,
                epochs_by_phase=tuple(epochs_for(domain, float(end)) for end in ends[:, i])
                if curve is None
                else (got / domain.tokens if domain.tokens else 0.0,),
                curve=None if curve is None else curve.planned,
            )
        )
    parts = [
        PlannedPart(demand.part.share, round(float(row.sum()))) for demand, row in zip(demands, drawn, strict=True)
    ]
    return MixturePlan(
        request.by_name, seed, supply.unit, request.tokens, round(total), tuple(parts), tuple(domains), dict(merged)
    )


def _check_scores(domains: Sequence[Domain], demands: Sequence[_Demand], curve: Curve) -> None:
    """Raises UnfitSettingError where there is nothing to order documents by."""
    wanted = np.any([demand.weights > 0 for demand in demands], axis=0)
    blind = [d for d, is_wanted in zip(domains, wanted, strict=True) if is_wanted and d.scores and not d.scores.scored]
    if not blind:
        return
    everywhere = not any(domain.scores and domain.scores.scored for domain in domains)
    those = "of all domains" if everywhere else "of " + list_names(domain.name for domain in blind)
    documents = sum(domain.documents for domain in blind)
    raise UnfitSettingError(
        f"{curve.of} is null for all {documents:,} documents {those} that are kept, so no curve can follow it; let a "
        f"stage before this one score them{'' if everywhere else ', or give these domains the weight 0'}",
        ("curve", "of"),
    )
