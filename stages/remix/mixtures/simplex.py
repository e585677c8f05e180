"""Mixtures as points: weights of domains that sum to 1, between floors and caps."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

TRIES = 100
"""A drawn mixture that breaks a bound is drawn again so often, and is then moved within them."""
LEAST = 1e-4
"""A smaller weight is 0: of a proxy run's tokens it is next to none, and small strengths make many such."""
_TOLERANCE = 1e-9


class BoundsError(ValueError):
    """No mixture is within the bounds; the message says why."""


@dataclass(frozen=True)
class Bounds:
    """The least and the largest weight of each domain: float64[domains]. Raises BoundsError where they leave none."""

    names: tuple[str, ...]
    floors: Float64
    caps: Float64

    def __post_init__(self) -> None:
        for name, floor, cap in zip(self.names, self.floors, self.caps, strict=True):
            if floor > cap + _TOLERANCE:
                raise BoundsError(f"{name!r} is to have {floor:.4g} at least, but {cap:.4g} is the most its caps allow")
        if (total := self.floors.sum()) > 1 + _TOLERANCE:
            raise BoundsError(
                f"the least weights sum to {total:.4g}, so no mixture is within them: lower min_tokens, or raise the "
                "budget"
            )
        if (total := self.caps.sum()) < 1 - _TOLERANCE:
            raise BoundsError(
                f"the largest weights that the caps allow sum to {total:.4g}, so no mixture is within them: lower the "
                "budget, or raise max_epochs"
            )

    @classmethod
    def from_tokens(
        cls,
        names: tuple[str, ...],
        available: Float64,
        max_epochs: float | Mapping[str, float],
        min_tokens: Mapping[str, float],
        budget: float | None,
    ) -> "Bounds":
        """Caps where `budget` tokens are drawn of so many available ones, each at most max_epochs times (of those that
        aren't named, any number), and floors where there are minimum tokens. Without a budget any weight from 0 to 1 is
        allowed of what has tokens."""
        if budget is None:
            return cls(names, np.zeros(len(names)), (available > 0).astype(float))
        epochs = [max_epochs.get(name, np.inf) if isinstance(max_epochs, Mapping) else max_epochs for name in names]
        floors = np.array([min_tokens.get(name, 0) for name in names], float)
        largest = np.where(available > 0, available * np.array(epochs, float), 0.0) / budget
        # a rounded weight must not be a hair above what the plan of the run will allow
        caps = np.where(largest >= 1, 1.0, largest * (1 - 1e-6))
        return cls(names, floors / budget, caps)

    def hold(self, points: Float64) -> npt.NDArray[np.bool_]:
        """Which of points[n, domains] are within: bool[n]."""
        inside: npt.NDArray[np.bool_] = np.all(
            (points >= self.floors - _TOLERANCE) & (points <= self.caps + _TOLERANCE), axis=1
        )
        return inside

    def move_within(self, points: Float64) -> Float64:
        """clip(lambda * point, floors, caps) with the lambda that makes it sum to 1, for each of points[n, domains]:
        what a cap takes away the other domains get in proportion."""
        # a domain that a point has nothing of gets some only where the others can't hold it all
        points = np.where(self.caps > 0, np.maximum(points, 1e-12), 0)
        low, high = np.full(len(points), -35.0), np.full(len(points), 35.0)  # of the logarithm of lambda
        for _ in range(64):
            half = (low + high) / 2
            below = np.clip(np.exp(half)[:, None] * points, self.floors, self.caps).sum(axis=1) < 1
            low, high = np.where(below, half, low), np.where(below, high, half)
        moved: Float64 = np.clip(np.exp(high)[:, None] * points, self.floors, self.caps)
        return moved

    def round(self, point: Float64, digits: int) -> Float64:
        """A point with weights of so many digits that sum to 1: what rounding leaves goes to the domain with the most
        room below its cap."""
        rounded = np.round(point, digits)
        rounded[int(np.argmax(np.where(point > 0, self.caps - point, -1)))] += 1 - rounded.sum()
        again: Float64 = np.round(rounded, digits)
        return again


@dataclass(frozen=True)
class Drawn:
    """Mixtures that were drawn: float64[n, domains]."""

    points: Float64
    drawn_again: int
    """draws that broke a bound"""
    moved: int
    """mixtures that were moved within the bounds, after `TRIES` draws"""


def draw_mixtures(
    natural: Float64, count: int, concentration: tuple[float, float], bounds: Bounds, rng: np.random.Generator
) -> Drawn:
    """Mixtures around the natural one: Dirichlet(strength * domains * natural), each with a strength of its own, evenly
    in its logarithm between the two of `concentration`. Their mean is the natural mixture where no bound cuts them;
    small strengths give mixtures of few domains, large ones mixtures near the natural."""
    points, again, moved = np.zeros((count, len(natural))), 0, 0
    for number in range(count):
        strength = np.exp(rng.uniform(*np.log(concentration)))
        for tried in range(TRIES):
            point = _draw(strength * len(natural) * natural, rng)
            if bounds.hold(point[None])[0]:
                break
            again += 1
            if tried == TRIES - 1:
                point = bounds.move_within(point[None])[0]
                moved += 1
        points[number] = point
    return Drawn(points, again, moved)


def _draw(alpha: Float64, rng: np.random.Generator) -> Float64:
    positive = alpha > 0
    point = np.zeros(len(alpha))
    drawn = rng.dirichlet(alpha[positive])
    # where all gammas underflow, numpy gives NaN: such a strength means one domain
    point[positive] = drawn if np.isfinite(drawn).all() else rng.multinomial(1, alpha[positive] / alpha.sum())
    point[point < LEAST] = 0
    whole: Float64 = point / point.sum()
    return whole
