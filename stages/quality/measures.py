"""Measures of classifiers and of labellers, in numpy: areas, rank correlations, kappa, calibration.

All take float64 or int64 [n] arrays, and give NaN where a measure isn't defined: one class alone, scores that are all
the same.
"""

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

BINS = 15
"""of equal width in the expected calibration error (Guo et al., "On Calibration of Modern Neural Networks", 2017)"""


def ranks(values: Float64) -> Float64:
    """The rank of each value, from 1; equal ones share their mean."""
    ordered = np.sort(values)
    below, up_to = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    mean: Float64 = (below + up_to + 1) / 2
    return mean


def area_under_roc(scores: Float64, positive: Bools) -> float:
    """The probability that a positive document scores over a negative one, a tie counting half (Mann-Whitney)."""
    good, bad = int(positive.sum()), int((~positive).sum())
    if not good or not bad:
        return float("nan")
    return float((ranks(scores)[positive].sum() - good * (good + 1) / 2) / good / bad)


def spearman(one: Float64, other: Float64) -> float:
    """Spearman's rank correlation: Pearson's of the ranks."""
    if len(one) < 2:
        return float("nan")
    a, b = ranks(one), ranks(other)
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size > 0 else float("nan")


def confusion(one: Int64, other: Int64, labels: int) -> Int64:
    """How often label i of one met label j of the other, int64 [labels, labels]."""
    counts: Int64 = np.bincount(one * labels + other, minlength=labels * labels).reshape(labels, labels)
    return counts


def kappa(counts: Int64, weights: str = "none") -> float:
    """Cohen's kappa (1960, 1968) of a confusion matrix: 1 - observed over expected disagreement.

    weights: how far two labels are apart: none (all differences count 1), linear, or quadratic.
    """
    places = np.arange(len(counts), dtype=np.float64)
    apart = np.abs(places[:, None] - places[None, :])
    cost = {"none": (apart > 0).astype(np.float64), "linear": apart, "quadratic": apart**2}[weights]
    total = counts.sum()
    expected = np.outer(counts.sum(1), counts.sum(0)) / total if total else counts.astype(np.float64)
    by_chance = float((cost * expected).sum())
    return 1 - float((cost * counts).sum()) / by_chance if by_chance > 0 else float("nan")


def isotonic(targets: Float64, weights: Float64) -> Float64:
    """The non-decreasing sequence nearest to `targets` by weighted squares: pool adjacent violators (Ayer et al.,
    1955)."""
    means, sizes, counts = list[float](), list[float](), list[int]()
    for target, weight in zip(targets.tolist(), weights.tolist(), strict=True):
        mean, size, count = target, weight, 1
        while means and means[-1] >= mean:
            before = sizes.pop()
            mean = (means.pop() * before + mean * size) / (before + size)
            size, count = size + before, count + counts.pop()
        means.append(mean)
        sizes.append(size)
        counts.append(count)
    return np.repeat(np.array(means, np.float64), counts)


def calibration_error(scores: Float64, targets: Float64) -> float:
    """Expected calibration error: how far mean score and mean target are apart in BINS bins, by their documents."""
    if not len(scores):
        return float("nan")
    bins = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    apart = np.bincount(bins, scores - targets, minlength=BINS)
    return float(np.abs(apart).sum() / len(scores))


def brier(scores: Float64, targets: Float64) -> float:
    """The mean of squared differences (Brier, 1950)."""
    return float(((scores - targets) ** 2).mean()) if len(scores) else float("nan")
