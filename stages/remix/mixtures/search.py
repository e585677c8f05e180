"""The mixture for which a model says the least, among those between mixtures that were measured.

Such a mixture is a mean of measured ones, with weights of any kind: it is looked for by seeded draws of these weights,
and by exchanges between them. What lies outside is never proposed, since nothing was measured there.
"""

from collections.abc import Callable

import numpy as np

from dspipe.stages.remix.mixtures.simplex import Bounds, Float64

DRAWS = 4_000
STARTS = 4
"""The best of them are made better by exchanges."""
COARSEST = 0.5
FINEST = 2e-3
"""An exchange takes at least so much from one measured mixture to another: proxy runs can't tell less."""

Objective = Callable[[Float64], Float64]
"""What a model says of points[n, domains]: float64[n]; less is better."""


def list_corners(natural: Float64, sampled: Float64, bounds: Bounds) -> Float64:
    """The natural mixture and those that were measured, sampled[n, domains], moved within the bounds: mixtures between
    them are within, too."""
    return bounds.move_within(np.concatenate([natural[None], sampled]))


def find_best(objective: Objective, corners: Float64, seed: int) -> Float64:
    """The best mixture found between corners[n, domains]: its shares of them, float64[n]. A seed says which."""
    rng, count = np.random.default_rng(seed), len(corners)
    # of few corners each, up to a mean of many
    strengths = np.exp(rng.uniform(np.log(0.5), np.log(20), DRAWS)) / count
    gammas = rng.gamma(strengths[:, None], size=(DRAWS, count)) + 1e-300
    shares = np.concatenate([np.eye(count), gammas / gammas.sum(axis=1, keepdims=True)])
    best = shares[np.argsort(objective(shares @ corners), kind="stable")[:STARTS]]
    refined = np.stack([refine(objective, start, corners) for start in best])
    found: Float64 = refined[int(np.argmin(objective(refined @ corners)))]
    return found


def refine(objective: Objective, shares: Float64, corners: Float64, finest: float = FINEST) -> Float64:
    """Exchange shares of two corners as long as that is better, the best exchange each time: float64[corners]."""
    step = COARSEST
    value = float(objective((shares @ corners)[None])[0])
    while step >= finest:
        giving = np.flatnonzero(shares > 1e-6)
        moved = np.minimum(shares[giving], step)
        # [giving, taking, domains]
        tried = (shares @ corners) + moved[:, None, None] * (corners[None] - corners[giving][:, None])
        values = objective(tried.reshape(-1, corners.shape[1]))
        best = int(np.argmin(values))
        if values[best] < value - 1e-9 * max(1.0, abs(value)):
            giver, taker = divmod(best, len(corners))
            shares = shares.copy()
            shares[giving[giver]] -= moved[giver]
            shares[taker] += moved[giver]
            value = float(values[best])
        else:
            step /= 2
    return shares
