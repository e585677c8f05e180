"""How well a model says what mixtures bring that it hasn't seen: cross-validation."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dspipe.stages.quality.measures import spearman
from dspipe.stages.remix.mixtures.simplex import Float64

FOLDS = 10
LEAST_CORRELATION = 0.5
"""of the ranks, below which a model says too little of which mixture is better"""
_CHANCE = 2.5
"""Standard deviations of the correlation of ranks that have nothing to do with each other, 1 / sqrt(mixtures - 1)."""


class Model(Protocol):
    """What was fitted to mixtures and their metrics."""

    def predict(self, ratios: Float64) -> Float64:
        """The metrics of mixtures: float64[mixtures, metrics]."""


Fit = Callable[[Float64, Float64, Float64 | None], Sequence[Model]]
"""Fits values[mixtures, metrics] to ratios[mixtures, domains], once for each row of counts[fits, mixtures]: how often
each mixture counts in it."""


@dataclass(frozen=True)
class HeldOut:
    """Errors on mixtures that weren't fitted."""

    error: float
    """mean absolute error of the objective"""
    r2: float
    """of the objective, 1: no error; 0: no better than to say the mean of all mixtures each time"""
    spearman: float
    """correlation of the ranks: whether it knows which mixture is better"""
    error_by_metric: tuple[float, ...]


def validate(fit: Fit, ratios: Float64, values: Float64, objective: Float64, seed: int) -> HeldOut:
    """Errors of a model: each mixture is said by a fit without its tenth of them. objective: float64[metrics], the
    metrics' weights."""
    folds = np.random.default_rng(seed).permutation(len(ratios)) % min(FOLDS, len(ratios))
    counts = (folds != np.arange(folds.max() + 1)[:, None]).astype(float)
    said = np.zeros_like(values)
    for fold, model in enumerate(fit(ratios, values, counts)):
        said[folds == fold] = model.predict(ratios[folds == fold])
    errors, true = (said - values) @ objective, values @ objective
    spread = float(((true - true.mean()) ** 2).mean())
    return HeldOut(
        error=float(np.abs(errors).mean()),
        r2=1 - float((errors**2).mean()) / spread if spread else 0.0,
        spearman=rank_correlation(said @ objective, true),
        error_by_metric=tuple(np.abs(said - values).mean(axis=0).tolist()),
    )


def least_correlation(mixtures: int) -> float:
    """The correlation of ranks below which nothing is known: less may be chance, or is too little to choose by."""
    return min(0.95, max(LEAST_CORRELATION, _CHANCE / math.sqrt(mixtures - 1)))


def rank_correlation(a: Float64, b: Float64) -> float:
    """Spearman's; 0 where one of them is all the same."""
    found = spearman(a, b)
    return 0.0 if math.isnan(found) else found
