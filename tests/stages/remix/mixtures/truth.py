"""Known laws, and mixtures that were measured by them."""

from dataclasses import dataclass, replace

import numpy as np

from dspipe.stages.remix.mixtures.proposal import Evidence
from dspipe.stages.remix.mixtures.simplex import Bounds, Float64, draw_mixtures


@dataclass(frozen=True)
class Truth:
    """metric m = c[m] + exp(w[m] . r - 1), or with a knee c[m] + prod((1 + r / knee) ** w[m])"""

    natural: Float64
    c: Float64
    w: Float64
    knee: float | None = None

    def measure(self, ratios: Float64) -> Float64:
        if self.knee is not None:
            return self.c + np.exp(np.log1p(ratios / self.knee) @ self.w.T)
        return self.c + np.exp(ratios @ self.w.T - 1)


def make_truth(domains: int = 6, metrics: int = 2, seed: int = 3) -> Truth:
    rng = np.random.default_rng(seed)
    natural, c = rng.dirichlet(np.ones(domains)), rng.uniform(1, 3, metrics)
    return Truth(natural, c, rng.normal(0, 1.5, (metrics, domains)))


def make_steep_truth(domains: int = 5, seed: int = 3) -> Truth:
    """Each metric is of one domain and explodes where that is missing; the first is 60 % of what there is."""
    rng = np.random.default_rng(seed)
    natural = np.concatenate([[0.6], 0.4 * rng.dirichlet(np.full(domains - 1, 5.0))])
    w = -0.3 * np.eye(domains) - 0.02
    return Truth(natural, np.full(domains, 1.5), w, knee=0.005)


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
        tuple(f"mix-{number:03}" for number in range(mixtures)),
    )


def fail_some(evidence: Evidence, every: int = 8) -> Evidence:
    """Every eighth run has diverged: its metrics are a few times as large."""
    failed = np.arange(len(evidence.runs)) % every == every - 1
    factors = np.random.default_rng(9).uniform(2, 6, len(failed))
    return replace(evidence, values=np.where(failed, factors, 1)[:, None] * evidence.values)
