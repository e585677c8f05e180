"""The arithmetic of a mixture: how many tokens of each domain are drawn.

With targets lambda * weight, floors and caps, one number lambda makes the tokens meet the budget. Weights alone: lambda
is the budget. Equal weights and caps at N epochs: that is UniMax (Chung et al. 2023, algorithm 1). Weights
n ** (1 / T): temperature sampling (Devlin et al. 2019) that doesn't run over its caps.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.remix.epochs import Domain, edge_at
from dspipe.stages.remix.weights import Wish, names_of, weights_of


def plan_mixture(
    domains: Sequence[Domain],
    wishes: Sequence[Wish],
    budget: float | None,
    max_epochs: float | Mapping[str, float],
    min_tokens: Mapping[str, float],
    others: str = "refuse",
    unit: str = "tokens",
    bend: bool = False,
) -> dict[str, Any]:
    """The plan: `tokens` drawn in all, and for each domain what is there, asked and got, and its `edges` in epochs.

    `edges[p]` is where phase p ends on the domain's axis. Without a budget it is what the caps allow, at most all the
    tokens there are (weights), or what the multipliers say. Raises ConfigError, with the arithmetic, when a wish can't
    be met: no such domain, nothing in it, a domain that no weight is given for, a budget above the caps. With `bend`,
    the budget and the minimum tokens are taken as far as the caps allow.
    """
    named = {domain.name for domain in domains}
    for name in [*min_tokens, *(max_epochs if isinstance(max_epochs, Mapping) else ())]:
        if name not in named:
            raise ConfigError(f"there is no domain {name!r}; there are {names_of(named)}")
    available = np.array([domain.tokens for domain in domains], float)
    caps = available * [_epochs(max_epochs, domain.name) for domain in domains]
    floors = np.array([float(min_tokens.get(domain.name, 0)) for domain in domains])
    for domain, floor, cap in zip(domains, floors, caps, strict=True):
        if floor > cap and not bend:
            raise ConfigError(
                f"min_tokens asks {floor:.6g} {unit} of {domain.name!r}, but its {domain.tokens:,} {unit} in "
                f"{_epochs(max_epochs, domain.name):g} epochs are {cap:.6g}",
                ("min_tokens", domain.name),
            )
    weights = [weights_of(domains, wish, available, others) for wish in wishes]
    shares = [wish.share for wish in wishes]
    if not any(row.sum() > 0 for row in weights):
        return _as_plan(domains, wishes, [np.zeros(len(domains))] * len(wishes), weights, unit, budget)
    total = _budget(domains, wishes, weights, shares, caps) if budget is None else budget
    if bend:
        total = min(total, _most(wishes, weights, shares, caps))
    _check_budget(domains, wishes, weights, shares, total, caps, max_epochs, unit)
    drawn = []
    used = np.zeros(len(domains))
    for wish, row, share in zip(wishes, weights, shares, strict=True):
        # minimum tokens count over the whole run: each phase gives its share of them
        drawn.append(_solve(row, share * total, np.minimum(floors * share, caps - used), caps - used))
        if wish.strict and not bend:
            _check_caps(domains, drawn[-1], share * total, unit)
        used = used + drawn[-1]
    return _as_plan(domains, wishes, drawn, weights, unit, budget)


def _budget(
    domains: Sequence[Domain],
    wishes: Sequence[Wish],
    weights: Sequence[npt.NDArray[np.float64]],
    shares: Sequence[float],
    caps: npt.NDArray[np.float64],
) -> float:
    if len(wishes) == 1 and wishes[0].multipliers is not None:
        return math.fsum(domain.tokens * wishes[0].multipliers.get(domain.name, 1.0) for domain in domains)
    return min(float(sum(domain.tokens for domain in domains)), _most(wishes, weights, shares, caps))


def _most(
    wishes: Sequence[Wish],
    weights: Sequence[npt.NDArray[np.float64]],
    shares: Sequence[float],
    caps: npt.NDArray[np.float64],
) -> float:
    """The largest budget that the caps allow: what strict wishes ask grows with it, the others take what is left."""
    strict = sum(
        (row * share for wish, row, share in zip(wishes, weights, shares, strict=True) if wish.strict),
        np.zeros(len(caps)),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = float(np.min(np.where(strict > 0, caps / strict, np.inf), initial=np.inf))
    reached = sum((row > 0 for row in weights), np.zeros(len(caps), bool))
    return min(limit, float(caps[reached].sum()))


def _check_budget(
    domains: Sequence[Domain],
    wishes: Sequence[Wish],
    weights: Sequence[npt.NDArray[np.float64]],
    shares: Sequence[float],
    total: float,
    caps: npt.NDArray[np.float64],
    max_epochs: float | Mapping[str, float],
    unit: str,
) -> None:
    most = _most(wishes, weights, shares, caps)
    if total <= most * (1 + 1e-9):
        return
    lines = []
    for i, domain in enumerate(domains):
        part = sum(row[i] * share for wish, row, share in zip(wishes, weights, shares, strict=True) if wish.strict)
        if part * total > caps[i] * (1 + 1e-9):
            lines.append(
                f"{domain.name!r}: {part:.4g} of {total:.6g} is {part * total:.6g}, but {domain.tokens:,} {unit} in "
                f"{_epochs(max_epochs, domain.name):g} epochs are {caps[i]:.6g}"
            )
    lines = lines or [f"all domains within their epochs give {float(caps.sum()):.6g}, not {total:.6g}"]
    raise ConfigError(
        f"the mixture can't be drawn: {'; '.join(lines)}. The largest budget these caps allow is {most:.6g} {unit}",
        ("tokens",),
    )


def _solve(
    weights: npt.NDArray[np.float64],
    total: float,
    floors: npt.NDArray[np.float64],
    caps: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """clip(lambda * weights, floors, caps) with the lambda that makes it sum to `total` (or as near as it gets)."""

    def drawn(scale: float) -> npt.NDArray[np.float64]:
        return np.clip(scale * weights, floors, caps)

    low, high = 0.0, max(total, 1.0)
    while drawn(high).sum() < total and high < 1e30:
        high *= 2
    for _ in range(200):  # halving: ends when no float64 lies between
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if drawn(middle).sum() < total else (low, middle)
    return drawn(high)


def _check_caps(domains: Sequence[Domain], drawn: npt.NDArray[np.float64], total: float, unit: str) -> None:
    if abs(float(drawn.sum()) - total) > 1e-6 * max(total, 1.0):
        parts = " + ".join(f"{domain.name} {value:.6g}" for domain, value in zip(domains, drawn, strict=True))
        raise ConfigError(
            f"the mixture can't be drawn: {total:.6g} {unit} are asked, but with minimum tokens and epochs it is "
            f"{parts} = {float(drawn.sum()):.6g}",
            ("min_tokens",),
        )


def _as_plan(
    domains: Sequence[Domain],
    wishes: Sequence[Wish],
    drawn: Sequence[npt.NDArray[np.float64]],
    weights: Sequence[npt.NDArray[np.float64]],
    unit: str,
    budget: float | None,
) -> dict[str, Any]:
    total = float(sum(row.sum() for row in drawn))
    entries = []
    for i, domain in enumerate(domains):
        ends = np.cumsum([row[i] for row in drawn])
        edges = [edge_at(domain, float(end)) for end in ends]
        got = float(ends[-1])
        entries.append(
            {
                "domain": domain.name,
                "documents": domain.documents,
                "tokens": domain.tokens,
                "weight_asked": round(
                    float(sum(w[i] * wish.share for w, wish in zip(weights, wishes, strict=True))), 9
                ),
                "weight_got": round(got / total, 9) if total else 0.0,
                "epochs": round(got / domain.tokens, 9) if domain.tokens else 0.0,
                "tokens_drawn": round(got),
                "largest_bin": int(domain.bins.max()),
                "edges": edges,
            }
        )
    phases = [{"share": wish.share, "tokens": round(float(row.sum()))} for wish, row in zip(wishes, drawn, strict=True)]
    return {"unit": unit, "budget": budget, "tokens": round(total), "phases": phases, "domains": entries}


def _epochs(max_epochs: float | Mapping[str, float], name: str) -> float:
    return max_epochs.get(name, math.inf) if isinstance(max_epochs, Mapping) else max_epochs
