"""The log-linear law of mixtures: metric = c + exp(w . r), fitted by least squares.

r are the weights of the domains; since they sum to 1, a constant that is added to all of w is the law's scale (Ye et
al. 2024, "Data mixing laws"; Olmix fits the same). The fit is Levenberg's and Marquardt's from several starts, for many
metrics, folds and resamples at once: each is a row of a batch, with weights of the mixtures of its own.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dspipe.stages.remix.mixtures.simplex import Float64

RIDGES = (0.3, 0.03, 3e-3, 1e-4, 1e-6)
"""Penalties on w around its mean, where the metric's variance is 1; which one is chosen by the held-out error. None was
best for all: over 32 made laws (6 domains; 64 mixtures with noise of 0, 1 and 10 % of the metric's unit, 20 with 5 %)
the choice erred by 0.95 at most on new mixtures, 0.3 alone by 3.2, and 1e-6 alone by 10^11, where few noisy mixtures
left a domain's w free."""
OFFSETS = (0.02, 0.2, 1.0, 4.0, 16.0)
"""Starts: c lies so many ranges of the metric below its minimum. For a known c, w is nearly a linear fit."""
MAX_STEPS = 200
_BATCH = 512
_LARGEST = 30.0
"""exp() of more is cut: no metric changes by 13 orders of magnitude"""


@dataclass(frozen=True)
class LogLinear:
    """Fitted laws: metric m is mean[m] + scale[m] * (c[m] + exp(w[m] . r))."""

    c: Float64
    """float64[metrics]"""
    w: Float64
    """float64[metrics, domains]"""
    mean: Float64
    scale: Float64

    def predict(self, ratios: Float64) -> Float64:
        """The metrics of mixtures: float64[mixtures, metrics]."""
        return self.mean + self.scale * (self.c + np.exp(np.minimum(ratios @ self.w.T, _LARGEST)))


def fit_log_linear(
    ratios: Float64,
    values: Float64,
    counts: Float64 | None = None,
    ridge: float = 1e-4,
    start: "LogLinear | None" = None,
) -> list[LogLinear]:
    """Fit values[mixtures, metrics] to ratios[mixtures, domains], once for each row of counts[fits, mixtures].

    counts   how often each mixture counts in a fit: 0 leaves it out. Default: one fit, with each once
    ridge    one of `RIDGES`
    start    begin here instead of at `OFFSETS`, as a resample does that is like what was fitted before
    """
    counts = np.ones((1, len(ratios))) if counts is None else counts
    mean, scale = values.mean(axis=0), values.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    y = ((values - mean) / scale).T
    fits, metrics = len(counts), len(y)
    # row fit * metrics + metric
    batch_y, batch_counts = np.tile(y, (fits, 1)), np.repeat(counts, metrics, axis=0)
    best_c, best_w, best_loss = (
        np.zeros(len(batch_y)),
        np.zeros((len(batch_y), ratios.shape[1])),
        np.full(len(batch_y), np.inf),
    )
    for first in range(0, len(batch_y), _BATCH):
        rows = slice(first, first + _BATCH)
        for c, w in _starts(ratios, batch_y[rows], batch_counts[rows], start, first):
            c, w, loss = _minimize(ratios, batch_y[rows], batch_counts[rows], c, w, ridge)
            better = loss < best_loss[rows]
            best_c[rows] = np.where(better, c, best_c[rows])
            best_w[rows] = np.where(better[:, None], w, best_w[rows])
            best_loss[rows] = np.where(better, loss, best_loss[rows])
    return [
        LogLinear(best_c[i : i + metrics], best_w[i : i + metrics], mean, scale)
        for i in range(0, fits * metrics, metrics)
    ]


def _starts(
    ratios: Float64, y: Float64, counts: Float64, start: LogLinear | None, first: int
) -> list[tuple[Float64, Float64]]:
    if start is not None:
        which = (first + np.arange(len(y))) % len(start.c)
        return [(start.c[which], start.w[which])]
    low, high = y.min(axis=1), y.max(axis=1)
    reach = np.where(high > low, high - low, 1.0)
    found = []
    for offset in OFFSETS:
        c = low - offset * reach
        above = y - c[:, None]
        # an error of log(above) by e is one of `above` by above * e
        weighted = (counts * above**2)[:, :, None] * ratios
        normal = np.swapaxes(weighted, 1, 2) @ ratios + 1e-6 * np.eye(ratios.shape[1])
        w = np.linalg.solve(normal, np.swapaxes(weighted, 1, 2) @ np.log(above)[:, :, None])[:, :, 0]
        found.append((c, w))
    return found


def _minimize(
    ratios: Float64, y: Float64, counts: Float64, c: Float64, w: Float64, ridge: float
) -> tuple[Float64, Float64, Float64]:
    """Levenberg-Marquardt for every row of y[batch, mixtures]; c[batch], w[batch, domains] and the losses[batch]."""
    domains = ratios.shape[1]
    centered = np.eye(domains) - 1 / domains
    penalty = np.zeros((domains + 1, domains + 1))
    penalty[1:, 1:] = ridge * centered
    damping, done = np.full(len(y), 1e-3), np.zeros(len(y), bool)
    curve, loss = _losses(ratios, y, counts, c, w, ridge)
    for _ in range(MAX_STEPS):
        jacobian = np.concatenate([np.ones((*y.shape, 1)), curve[:, :, None] * ratios], axis=2)
        weighted = np.swapaxes(jacobian * counts[:, :, None], 1, 2)
        parameters = np.concatenate([c[:, None], w], axis=1)
        gradient = (weighted @ (y - c[:, None] - curve)[:, :, None])[:, :, 0] - parameters @ penalty
        normal = weighted @ jacobian + penalty
        diagonal = np.einsum("bii->bi", normal)
        damped = normal + (damping[:, None] * diagonal + 1e-12)[:, :, None] * np.eye(domains + 1)
        step = np.linalg.solve(damped, gradient[:, :, None])[:, :, 0]
        tried_c, tried_w = c + step[:, 0], w + step[:, 1:]
        tried_curve, tried_loss = _losses(ratios, y, counts, tried_c, tried_w, ridge)
        better = (tried_loss < loss) & ~done
        done |= better & (loss - tried_loss < 1e-9 * loss)
        c, w = np.where(better, tried_c, c), np.where(better[:, None], tried_w, w)
        curve, loss = np.where(better[:, None], tried_curve, curve), np.where(better, tried_loss, loss)
        damping = np.where(better, np.maximum(damping / 3, 1e-12), damping * 4)
        done |= damping > 1e9
        if done.all():
            break
    return c, w, loss


def _losses(
    ratios: Float64, y: Float64, counts: Float64, c: Float64, w: Float64, ridge: float
) -> tuple[Float64, npt.NDArray[np.float64]]:
    """exp(w . r) for each mixture, and the sum of squares with the penalty."""
    curve = np.exp(np.minimum(w @ ratios.T, _LARGEST))
    squares = (counts * (y - c[:, None] - curve) ** 2).sum(axis=1)
    spread = ((w - w.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return curve, squares + ridge * spread
