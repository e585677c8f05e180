"""The law of mixtures: metric = c + exp(k + w . f(r)), fitted so that runs that are far off count little.

r are the weights of the domains. f is r itself (the log-linear law of Ye et al. 2024, "Data mixing laws", which Olmix
fits, too), or log(1 + r / knee): then exp() is a product of powers of the weights above the knee, as losses go that
explode where a domain is nearly absent. The errors are Huber's: squares of small ones, and the absolute value of large
ones. The fit is Levenberg's and Marquardt's from several starts, for many metrics, folds and resamples at once: each is
a row of a batch, with weights of the mixtures of its own.
"""

from dataclasses import dataclass, field

import numpy as np

from dspipe.stages.remix.mixtures.simplex import Float64

KNEES = (None, 0.1, 0.01)
"""Which one is chosen by the held-out error; None is the log-linear law. On bits of pairs of tokens of five kinds of
text (40 mixtures, three seeds, drawn as `dspipe mixture sample` does) the held-out R2 was 0.78 with squares and without
a knee, and 0.93 with Huber's errors and the knee 0.01; without mixtures that lack a domain (concentration 3..30) 0.76
and 0.83."""
RIDGES = (0.3, 3e-3, 1e-4)
"""Penalties on w, where a metric's usual difference is 1; which one is chosen by the held-out error, too."""
LARGE = 0.1
"""From here errors count by their absolute value, in usual differences. ("Data mixing laws" takes 0.02 of a loss.) With
every eighth run failed, the rank correlation on good mixtures was 0.96 to 0.98, with 0.3 it was 0.95 to 0.97."""
REACH = 1.0
"""A metric is never said to be better than the best that was fitted, or worse than the worst, by more usual
differences: exp() goes up without end."""
OFFSETS = (0.02, 0.2, 1.0, 4.0, 16.0)
"""Starts: c lies so many ranges of the metric below its minimum. For a known c, w is nearly a linear fit."""
_BEGIN_WITHIN = (0.05, 0.8)
"""Starts don't see what lies outside of these quantiles. With every eighth run failed, starts within 0.95 ended at laws
of the failed runs, with rank correlations of 0.1 to 0.9 on good mixtures."""
MAX_STEPS = 100
_BATCH = 512
_LARGEST = 30.0
"""exp() of more is cut: no metric changes by 13 orders of magnitude"""


@dataclass(frozen=True)
class Law:
    """Fitted laws: metric m is c[m] + exp(w[m] . f(r)), between lowest[m] and highest[m]."""

    knee: float | None
    c: Float64
    """float64[metrics]"""
    w: Float64
    """float64[metrics, domains + 1]; the last is k"""
    lowest: Float64
    highest: Float64

    def predict(self, ratios: Float64) -> Float64:
        """The metrics of mixtures: float64[mixtures, metrics]."""
        curve = np.exp(np.minimum(_features(ratios, self.knee) @ self.w.T, _LARGEST))
        predicted: Float64 = np.clip(self.c + curve, self.lowest, self.highest)
        return predicted


@dataclass(frozen=True)
class LawFit:
    """How laws are fitted."""

    knee: float | None = None
    ridge: float = 1e-4

    def fit(
        self, ratios: Float64, values: Float64, counts: Float64 | None = None, start: Law | None = None
    ) -> list[Law]:
        """Fit values[mixtures, metrics], whose usual differences are 1, to ratios[mixtures, domains], once for each
        row of counts[fits, mixtures].

        counts   how often each mixture counts in a fit: 0 leaves it out. Default: one fit, with each once
        start    begin here instead of at `OFFSETS`, as a resample does that is like what was fitted before
        """
        counts = np.ones((1, len(ratios))) if counts is None else counts
        fits, metrics = len(counts), values.shape[1]
        # row fit * metrics + metric
        rows_y, rows_counts = np.tile(values.T, (fits, 1)), np.repeat(counts, metrics, axis=0)
        features = _features(ratios, self.knee)
        found = []
        for first in range(0, len(rows_y), _BATCH):
            batch = _Batch(features, rows_y[first : first + _BATCH], rows_counts[first : first + _BATCH], self.ridge)
            found.append(batch.minimize(start, first))
        c, w = (np.concatenate(parts) for parts in zip(*found, strict=True))
        there = rows_counts > 0
        lowest = np.where(there, rows_y, np.inf).min(axis=1) - REACH
        highest = np.where(there, rows_y, -np.inf).max(axis=1) + REACH
        slices = [slice(i, i + metrics) for i in range(0, fits * metrics, metrics)]
        return [Law(self.knee, c[rows], w[rows], lowest[rows], highest[rows]) for rows in slices]


def _features(ratios: Float64, knee: float | None) -> Float64:
    """f(r), and 1 for the law's scale: float64[mixtures, domains + 1]."""
    shaped = ratios if knee is None else np.log1p(ratios / knee)
    return np.concatenate([shaped, np.ones((len(ratios), 1))], axis=1)


@dataclass(frozen=True)
class _Batch:
    """Fits side by side, to the same mixtures."""

    features: Float64
    """float64[mixtures, features]"""
    y: Float64
    """float64[batch, mixtures]"""
    counts: Float64
    """float64[batch, mixtures]"""
    ridge: float
    penalty: Float64 = field(init=False)
    """float64[1 + features, 1 + features], of c and w"""

    def __post_init__(self) -> None:
        shape = np.zeros(1 + self.features.shape[1])
        shape[1:-1] = self.ridge
        object.__setattr__(self, "penalty", np.diag(shape))

    def minimize(self, start: Law | None, first: int) -> tuple[Float64, Float64]:
        """c[batch] and w[batch, features] of the start that ends best. first: the number of the batch's first row."""
        best: tuple[Float64, Float64, Float64] | None = None
        for c, w in self._starts(start, first):
            c, w, loss = self._descend(c, w)
            if best is None:
                best = c, w, loss
                continue
            better = loss < best[2]
            best = (
                np.where(better, c, best[0]),
                np.where(better[:, None], w, best[1]),
                np.where(better, loss, best[2]),
            )
        assert best is not None
        return best[0], best[1]

    def _starts(self, start: Law | None, first: int) -> list[tuple[Float64, Float64]]:
        if start is not None:
            which = (first + np.arange(len(self.y))) % len(start.c)
            return [(start.c[which], start.w[which])]
        ends = np.quantile(self.y, _BEGIN_WITHIN, axis=1)[:, :, None]
        y = np.clip(self.y, *ends)
        low, reach = ends[0, :, 0], np.where(ends[1] > ends[0], ends[1] - ends[0], 1.0)[:, 0]
        found: list[tuple[Float64, Float64]] = []
        few = 1e-6 * np.eye(self.features.shape[1])
        for offset in OFFSETS:
            c = low - offset * reach
            above = y - c[:, None]
            # an error of log(above) by e is one of `above` by above * e
            weighted = np.swapaxes((self.counts * above**2)[:, :, None] * self.features, 1, 2)
            right = weighted @ np.log(above)[:, :, None]
            w = np.linalg.solve(weighted @ self.features + few, right).astype(np.float64, copy=False)
            found.append((c, w[:, :, 0]))
        return found

    def _descend(self, c: Float64, w: Float64) -> tuple[Float64, Float64, Float64]:
        """Levenberg-Marquardt for every row; the losses[batch], too. Huber's errors are squares that count less."""
        numbers = len(self.penalty)
        damping, done = np.full(len(c), 1e-3), np.zeros(len(c), bool)
        curve, errors, loss = self._lose(c, w)
        for _ in range(MAX_STEPS):
            jacobian = np.concatenate([np.ones((*self.y.shape, 1)), curve[:, :, None] * self.features], axis=2)
            heavy = self.counts * np.minimum(1, LARGE / np.maximum(np.abs(errors), 1e-12))
            weighted = np.swapaxes(jacobian * heavy[:, :, None], 1, 2)
            parameters = np.concatenate([c[:, None], w], axis=1)
            gradient = (weighted @ errors[:, :, None])[:, :, 0] - parameters @ self.penalty
            normal = weighted @ jacobian + self.penalty
            diagonal = np.einsum("bii->bi", normal)
            damped = normal + (damping[:, None] * diagonal + 1e-12)[:, :, None] * np.eye(numbers)
            step = np.linalg.solve(damped, gradient[:, :, None])[:, :, 0]
            tried_c, tried_w = c + step[:, 0], w + step[:, 1:]
            tried_curve, tried_errors, tried_loss = self._lose(tried_c, tried_w)
            better = (tried_loss < loss) & ~done
            done |= better & (loss - tried_loss < 1e-8 * loss)
            c, w = np.where(better, tried_c, c), np.where(better[:, None], tried_w, w)
            curve, errors = (
                np.where(better[:, None], tried_curve, curve),
                np.where(better[:, None], tried_errors, errors),
            )
            loss = np.where(better, tried_loss, loss)
            damping = np.where(better, np.maximum(damping / 3, 1e-12), damping * 4)
            done |= damping > 1e9
            if done.all():
                break
        return c, w, loss

    def _lose(self, c: Float64, w: Float64) -> tuple[Float64, Float64, Float64]:
        """exp(w . f) and the errors for each mixture, and the sum of Huber's errors with the penalty."""
        curve = np.exp(np.minimum(w @ self.features.T, _LARGEST))
        errors = self.y - c[:, None] - curve
        size = np.abs(errors)
        huber = np.where(size <= LARGE, size**2, 2 * LARGE * size - LARGE**2)
        loss = (self.counts * huber).sum(axis=1) + self.ridge * (w[:, :-1] ** 2).sum(axis=1)
        return curve, errors, loss
