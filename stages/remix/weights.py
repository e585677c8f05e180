"""What is asked of a mixture, as weights of the domains."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from dspipe.pipeline.errors import UnfitSettingError
from dspipe.stages.remix.epochs import Domain, Float64
from dspipe.stages.remix.settings import Mixture, MixtureRequest


def weigh_domains(domains: Sequence[Domain], mixture: Mixture, others: str) -> Float64:
    """The weight of each domain, float64 in the order of `domains`; they sum to 1, or to 0 where nothing is drawn.

    others    `refuse` or `drop` domains that `weights` doesn't name
    Raises UnfitSettingError for a name of no domain, or for a domain without a weight.
    """
    available = np.array([domain.tokens for domain in domains], float)
    if mixture.weights is not None:
        _check_names(domains, "weights", mixture.weights)
        if others == "refuse":
            _check_all_named(domains, mixture.weights)
        return np.array([mixture.weights.get(domain.name, 0.0) for domain in domains], float)
    if mixture.multipliers is not None:
        _check_names(domains, "multipliers", mixture.multipliers)
        weights = available * [mixture.multipliers.get(domain.name, 1.0) for domain in domains]
    elif mixture.temperature is not None:
        weights = _powers(available, 1 / mixture.temperature)
    elif mixture.unimax:
        weights = (available > 0).astype(float)
    else:
        weights = available
    total = weights.sum()
    normalized: Float64 = weights / total if total else weights
    return normalized


def check_names_merged(request: MixtureRequest, merged: Mapping[str, str]) -> None:
    """Raises UnfitSettingError where settings name a domain that was too small to stand alone."""
    most = request.max_epochs if isinstance(request.max_epochs, dict) else {}
    named = [(key, name) for key, given in (("min_tokens", request.min_tokens), ("max_epochs", most)) for name in given]
    for part in request.parts:
        for key, given in (("weights", part.weights), ("multipliers", part.multipliers)):
            named += [(key, name) for name, value in (given or {}).items() if value > 0]
    for key, name in named:
        if name in merged:
            # no number: before there are tokens, it would be one of bytes
            raise UnfitSettingError(
                f"{key}: {name!r} is too small to stand alone and goes into {merged[name]!r}; name that, or lower "
                "tail.min_tokens",
                (key, name),
            )


def list_names(names: Iterable[str]) -> str:
    """Names for a message."""
    listed = sorted(names)
    return ", ".join(listed[:10]) + (f" and {len(listed) - 10} more" if len(listed) > 10 else "") or "none"


def _powers(available: Float64, power: float) -> Float64:
    with np.errstate(over="ignore"):
        weights = available**power * (available > 0)
    if np.isfinite(weights.sum()):
        return weights
    # of a temperature near 0: only the largest have a part, and theirs is of the largest
    shares: Float64 = (available / available.max()) ** power
    return shares


def _check_names(domains: Sequence[Domain], key: str, asked: Mapping[str, float]) -> None:
    known = {domain.name for domain in domains}
    for name, value in asked.items():
        if value > 0 and name not in known:
            message = f"{key}: no document of domain {name!r} is kept; there are {list_names(known)}"
            raise UnfitSettingError(message, (key, name))


def _check_all_named(domains: Sequence[Domain], weights: Mapping[str, float]) -> None:
    unnamed = [domain for domain in domains if domain.name not in weights and domain.tokens]
    if unnamed:
        listed = ", ".join(f"{domain.name!r} ({domain.documents:,} documents)" for domain in unnamed[:5])
        raise UnfitSettingError(
            f"no weight is given for {listed}; give it one (0 leaves it out), or set `others: drop`", ("weights",)
        )
