"""Metrics on one scale: how they are fitted, and what a difference of one is worth beside one of another."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from dspipe.stages.remix.mixtures.simplex import Float64

ScaleKind = Literal["relative", "usual", "own"]
KINDS: tuple[str, ...] = get_args(ScaleKind)
_NORMAL = 1.349
"""standard deviations between the quartiles of a normal distribution"""


class ScaleError(ValueError):
    """A metric that isn't on this scale; the message names it and says what to do."""


@dataclass(frozen=True)
class Scale:
    """What metrics are compared by.

    relative   by how many per cent they change (differences of logarithms): a loss of 4 that falls by 1 % counts like
               one of 2 that does
    usual      in units of how much a metric usually differs between the mixtures
    own        as they are, for metrics of one unit
    """

    kind: ScaleKind
    middle: Float64
    """float64[metrics], what is 0 of each, of its logarithm where the scale is relative"""
    unit: Float64
    """float64[metrics], what is 1"""

    @classmethod
    def of(cls, values: Float64, kind: ScaleKind, metrics: Sequence[str] = (), runs: Sequence[str] = ()) -> "Scale":
        """The scale of values[mixtures, metrics]. Raises ScaleError, which names metrics and runs."""
        if kind == "relative" and (values <= 0).any():
            run, metric = np.argwhere(values <= 0)[0]
            raise ScaleError(
                f"the metric {metrics[metric]!r} of {runs[run]} is {values[run, metric]:.6g}, and only numbers above 0 "
                "change by per cents: give --scale usual, which compares metrics by how much they usually differ"
            )
        return cls(kind, *measure_usual(np.log(values) if kind == "relative" else values))

    def apply(self, values: Float64) -> Float64:
        """values[n, metrics] with the usual difference 1, as they are fitted."""
        scaled: Float64 = ((np.log(values) if self.kind == "relative" else values) - self.middle) / self.unit
        return scaled

    def undo(self, scaled: Float64) -> Float64:
        """scaled[n, metrics] in the metrics' own units."""
        values: Float64 = self.middle + self.unit * scaled
        return np.exp(values) if self.kind == "relative" else values

    def weigh(self, objective: Float64) -> Float64:
        """What a usual difference of each metric counts in their mean, for objective[metrics], their weights."""
        shares = np.abs(objective) / np.abs(objective).sum()
        weighed: Float64 = shares if self.kind == "usual" else shares * self.unit
        return weighed


def measure_usual(values: Float64) -> tuple[Float64, Float64]:
    """The median of values[mixtures, metrics], and what would be the standard deviation if the quartiles were those of
    a normal distribution. Mixtures that lack a domain, and runs that failed, don't stretch it: with the standard
    deviation one such mixture in ten makes all others look alike."""
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    unit = (high - low) / _NORMAL
    unit = np.where(unit > 0, unit, values.std(axis=0))
    return middle, np.where(unit > 0, unit, 1.0)
