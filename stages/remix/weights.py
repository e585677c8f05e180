"""What is asked of a mixture, as weights of the domains."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dspipe.pipeline.errors import ConfigError
from dspipe.stages.remix.epochs import Domain


@dataclass(frozen=True)
class Wish:
    """What is asked for a part of the run: its share of all tokens, and one of the four ways to weigh domains.

    weights       parts of the tokens, 0..1, by domain
    multipliers   parts in proportion to the tokens that are there times this number, by domain (1 where not named)
    temperature   parts in proportion to tokens ** (1 / temperature)
    unimax        equal parts as far as the caps allow
    None of them: in proportion to the tokens that are there.
    """

    share: float = 1.0
    weights: Mapping[str, float] | None = None
    multipliers: Mapping[str, float] | None = None
    temperature: float | None = None
    unimax: bool = False

    @property
    def strict(self) -> bool:
        """Weights and multipliers are wishes to be met or refused; the other two bend to the caps."""
        return self.weights is not None or self.multipliers is not None


def weights_of(
    domains: Sequence[Domain], wish: Wish, available: npt.NDArray[np.float64], others: str
) -> npt.NDArray[np.float64]:
    """The domains' weights by a wish, in the order of `domains`. Raises ConfigError when it can't be."""
    asked = wish.weights if wish.weights is not None else wish.multipliers
    key = "weights" if wish.weights is not None else "multipliers"
    named = {domain.name for domain in domains}
    for name, value in (asked or {}).items():
        if value < 0:
            raise ConfigError(f"{key}: {name!r} has {value:g}, below 0", (key, name))
        if value > 0 and name not in named:
            raise ConfigError(
                f"{key}: no document of domain {name!r} is kept; there are {names_of(named)}", (key, name)
            )
    if wish.weights is not None:
        total = math.fsum(wish.weights.values())
        if abs(total - 1) > 1e-6:
            percent = " (they look like percents: divide by 100)" if abs(total - 100) < 1 else ""
            terms = " + ".join(f"{value:g}" for value in wish.weights.values())
            raise ConfigError(f"weights must sum to 1, but {terms} = {total:g}{percent}", ("weights",))
        unnamed = [domain for domain in domains if domain.name not in wish.weights and domain.tokens]
        if unnamed and others == "refuse":
            listed = ", ".join(f"{domain.name!r} ({domain.documents:,} documents)" for domain in unnamed[:5])
            raise ConfigError(
                f"no weight is given for {listed}; give it one (0 leaves it out), or set `others: drop`", ("weights",)
            )
        return np.array([wish.weights.get(domain.name, 0.0) for domain in domains])
    if wish.multipliers is not None:
        row = available * [wish.multipliers.get(domain.name, 1.0) for domain in domains]
    elif wish.temperature is not None:
        row = available ** (1 / wish.temperature) * (available > 0)
    elif wish.unimax:
        row = (available > 0).astype(float)
    else:
        row = available
    total_weight = row.sum()
    normalized: npt.NDArray[np.float64] = row / total_weight if total_weight else row
    return normalized


def names_of(names: set[str]) -> str:
    """Names for a message."""
    listed = sorted(names)
    return ", ".join(listed[:10]) + (f" and {len(listed) - 10} more" if len(listed) > 10 else "") or "none"
