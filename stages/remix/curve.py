"""How often a document is seen by its place in the quality order of its domain.

A place is the share of the domain's tokens that stands below, 0 to 1. The curve is nothing below `drop_below`, flat
over the `top` share, and a power of the way between them:

    epochs(place) = highest * clip((place - drop_below) / (1 - top - drop_below), 0, 1) ** power

OLMo 3 repeats web pages so (dolma3, datasets/dolma3_mix/mixes: nothing of the lowest 40 %, up to 7 times of the best
5 %, with a power times an exponential). Here the mean over the domain has a closed form, so the two numbers that make
it what is asked need no search: the power stays at `steepness` while `highest` is below `max_epochs`; from there on it
falls, down to 0, where all above `drop_below` is seen `max_epochs` times. So more tokens make no document rarer.
"""

from dataclasses import dataclass

import numpy as np

from dspipe.stages.remix.epochs import Float64, Int64
from dspipe.stages.remix.settings import Curve


@dataclass(frozen=True)
class Shape:
    """A curve that has been solved for one domain."""

    drop_below: float
    top: float
    highest: float
    """epochs of the best"""
    power: float

    def integrate(self, places: Float64) -> Float64:
        """The epochs of all that stands below each place (0 to 1), as parts of the domain's tokens."""
        rise = 1 - self.top - self.drop_below
        part = np.clip((places - self.drop_below) / rise, 0, 1)
        best = np.clip(places - (1 - self.top), 0, None)
        below: Float64 = self.highest * (rise * part ** (self.power + 1) / (self.power + 1) + best)
        return below

    def over_bins(self, tokens: Float64 | Int64) -> Float64:
        """The mean epochs over each of the bins that hold so many tokens, the lowest first: documents of one bin are
        equal, whatever part of the curve they take up. Over all tokens the mean is the curve's."""
        mass = np.asarray(tokens, float)
        total = mass.sum()
        if total == 0:
            return np.zeros(len(mass))
        ends = np.minimum(np.cumsum(mass) / total, 1.0)
        starts = np.concatenate([[0.0], ends[:-1]])
        width = ends - starts
        mean = np.diff(self.integrate(np.concatenate([[0.0], ends])))
        # a bin without tokens has no width: what the curve says at its place
        return np.where(width > 0, mean / np.where(width > 0, width, 1), self._at(ends))

    def _at(self, places: Float64) -> Float64:
        part = np.clip((places - self.drop_below) / (1 - self.top - self.drop_below), 0, 1)
        return np.where(places >= self.drop_below, self.highest * part**self.power, 0.0)


def most_epochs(curve: Curve) -> float:
    """The mean epochs of a domain that the curve gives at most."""
    return curve.max_epochs * (1 - curve.drop_below)


def solve_curve(curve: Curve, mean: float) -> Shape:
    """The curve whose mean over a domain is `mean` epochs, at most `most_epochs`."""
    rise = 1 - curve.top - curve.drop_below
    highest = mean / (curve.top + rise / (curve.steepness + 1))
    if highest <= curve.max_epochs:
        return Shape(curve.drop_below, curve.top, highest, curve.steepness)
    above_top = mean - curve.max_epochs * curve.top
    power = max(0.0, rise * curve.max_epochs / above_top - 1)
    return Shape(curve.drop_below, curve.top, curve.max_epochs, power)
