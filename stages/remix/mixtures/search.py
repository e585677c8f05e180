"""The mixture for which a model says the least, within bounds: many seeded draws, and small exchanges from the best."""

from collections.abc import Callable

import numpy as np

from dspipe.stages.remix.mixtures.simplex import Bounds, Float64

DRAWS = 20_000
STARTS = 4
"""The best of them are made better by exchanges."""
COARSEST = 0.1
FINEST = 1e-3
"""An exchange takes at least so much of all tokens from one domain to another: a proxy run can't tell less."""

Objective = Callable[[Float64], Float64]
"""What a model says of points[n, domains]: float64[n]; less is better."""


def find_best(objective: Objective, natural: Float64, sampled: Float64, bounds: Bounds, seed: int) -> Float64:
    """The best mixture found: float64[domains]. The same for the same seed.

    natural   the mixture that draws are around, float64[domains]
    sampled   mixtures that were measured, float64[n, domains]: candidates, too
    """
    rng = np.random.default_rng(seed)
    strengths = np.exp(rng.uniform(np.log(0.1), np.log(10), DRAWS)) * len(natural)
    # half around the natural mixture, half around the middle of all
    centers = np.where(rng.random(DRAWS)[:, None] < 0.5, natural, 1 / len(natural))
    gammas = rng.gamma(np.maximum(strengths[:, None] * centers, 1e-3)) + 1e-12
    points = np.concatenate([natural[None], sampled, gammas / gammas.sum(axis=1, keepdims=True)])
    points = bounds.move_within(points)
    best = points[np.argsort(objective(points), kind="stable")[:STARTS]]
    refined = np.stack([refine(objective, point, bounds) for point in best])
    found: Float64 = refined[int(np.argmin(objective(refined)))]
    return found


def refine(objective: Objective, point: Float64, bounds: Bounds, finest: float = FINEST) -> Float64:
    """Exchange weight between two domains as long as that is better, the best exchange each time: float64[domains]."""
    domains = len(point)
    giving, taking = np.nonzero(~np.eye(domains, dtype=bool))
    each, step = np.arange(len(giving)), COARSEST
    value = float(objective(point[None])[0])
    while step >= finest and len(giving):
        room = np.minimum(point[giving] - bounds.floors[giving], bounds.caps[taking] - point[taking])
        moved = np.clip(room, 0, step)
        tried = np.repeat(point[None], len(giving), axis=0)
        tried[each, giving] -= moved
        tried[each, taking] += moved
        values = objective(tried)
        best = int(np.argmin(values))
        if values[best] < value - 1e-12 * max(1.0, abs(value)):
            point, value = tried[best], float(values[best])
        else:
            step /= 2
    return point
