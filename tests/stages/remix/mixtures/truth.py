"""A known law, and mixtures that were measured by it."""

from dataclasses import dataclass

import numpy as np

from dspipe.stages.remix.mixtures.proposal import Evidence
from dspipe.stages.remix.mixtures.simplex import Bounds, Float64, draw_mixtures


@dataclass(frozen=True)
class Truth:
    """metric m = c[m] + exp(w[m] . r)"""

    natural: Float64
    c: Float64
    w: Float64

    def measure(self, ratios: Float64) -> Float64:
        return self.c + np.exp(ratios @ self.w.T - 1)


def make_truth(domains: int = 6, metrics: int = 2, seed: int = 3) -> Truth:
    rng = np.random.default_rng(seed)
    natural, c = rng.dirichlet(np.ones(domains)), rng.uniform(1, 3, metrics)
    return Truth(natural, c, rng.normal(0, 1.5, (metrics, domains)))


def names(domains: int) -> tuple[str, ...]:
    return tuple(f"domain-{number}" for number in range(domains))


def bounds_to(cap: float, domains: int) -> Bounds:
    return Bounds(names(domains), np.zeros(domains), np.full(domains, cap))


def measure_mixtures(truth: Truth, mixtures: int = 64, noise: float = 0.01, seed: int = 0) -> Evidence:
    rng, domains = np.random.default_rng(seed), len(truth.natural)
    ratios = draw_mixtures(truth.natural, mixtures, (0.1, 5), bounds_to(1, domains), rng).points
    values = truth.measure(ratios)
    metrics = values.shape[1]
    return Evidence(
        names(domains),
        tuple(f"metric-{number}" for number in range(metrics)),
        ratios,
        values + rng.normal(0, noise, values.shape),
        np.full(metrics, 1 / metrics),
    )
