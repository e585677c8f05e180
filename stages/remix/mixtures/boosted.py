"""Gradient-boosted trees of scikit-learn, a forest of them for each metric: they take any shape of dependence, and need
more mixtures for it than a law of few numbers (RegMix fits such with 512; Liu et al. 2024)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from dspipe.stages.remix.mixtures.simplex import Float64

TREES, RATE, DEPTH, LEAF = 300, 0.05, 3, 3
"""Trees, the part of each that is added, its depth and the mixtures that a leaf has at least."""


@dataclass(frozen=True)
class Boosted:
    """Fitted trees by metric."""

    regressors: tuple[Any, ...]

    def predict(self, ratios: Float64) -> Float64:
        """The metrics of mixtures: float64[mixtures, metrics]."""
        return np.stack([regressor.predict(ratios) for regressor in self.regressors], axis=1)


def can_boost() -> bool:
    """Whether scikit-learn is installed (the extra `mixture`)."""
    try:
        import sklearn.ensemble  # noqa: F401
    except ImportError:
        return False
    return True


def fit_boosted(ratios: Float64, values: Float64, counts: Float64 | None = None) -> list[Boosted]:
    """Fit values[mixtures, metrics] to ratios[mixtures, domains], once for each row of counts[fits, mixtures]: how
    often a mixture counts in it. Default: one fit, each once. The same trees each time."""
    from sklearn.ensemble import GradientBoostingRegressor

    fits = []
    for count in np.ones((1, len(ratios))) if counts is None else counts:
        there = count > 0
        regressors = []
        for metric in values.T:
            trees = GradientBoostingRegressor(
                loss="huber",  # a run that failed counts little
                n_estimators=TREES,
                learning_rate=RATE,
                max_depth=DEPTH,
                min_samples_leaf=LEAF,
                random_state=0,
            )
            regressors.append(trees.fit(ratios[there], metric[there], sample_weight=count[there]))
        fits.append(Boosted(tuple(regressors)))
    return fits
