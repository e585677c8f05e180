"""Spherical k-means: centers by greedy k-means++ (Arthur and Vassilvitskii 2007) and Lloyd's rounds (with cosines:
Dhillon and Modha 2001), none with less than a share of the vectors.

Sums are taken in the vectors' order and chance comes from a hash of the seed: the same vectors in the same order have
the same centers everywhere.
"""

import math

import numpy as np
import numpy.typing as npt

from dspipe.kernels.hashing import GOLDEN, hash64_array
from dspipe.kernels.jit import entry
from dspipe.kernels.vectors.clusters import ONE, Centers, Fixed, Float64, Int32, around_mean, fixed, nearest
from dspipe.kernels.vectors.embed import Vectors

ROUNDS = 30
"""of Lloyd's, at most"""
_ROUNDS_AFTER_MERGING = 5
_SAME = 1e-4
"""1 - cosine from which on a vector counts as another than a center"""


def find_centers(vectors: Vectors, count: int, min_share: float = 0, seed: int = 0, rounds: int = ROUNDS) -> Centers:
    """At most `count` centers of int8[vectors, places], the one with the most vectors first; fewer where there are
    fewer different vectors, or where one would have less than `min_share` of them (its vectors go to their nearest
    others). No vector may be zeros. Memory besides: 16 bytes a vector, and some copies of the centers."""
    if not len(vectors):
        return Centers(np.zeros(vectors.shape[1], np.int16), np.zeros((0, vectors.shape[1]), np.int16))
    mean = _mean(vectors)
    found = _lloyd(vectors, _spread_out(vectors, mean, count, seed), rounds)
    if _smallest(vectors, found)[1] < min_share * len(vectors):
        found = _lloyd(vectors, _without_small(vectors, found, min_share), _ROUNDS_AFTER_MERGING)
        found = _without_small(vectors, found, min_share)
    sizes = np.bincount(nearest(vectors, found)[0], minlength=len(found.centers))
    kept = [c for c in np.lexsort((*found.centers.T[::-1], -sizes)).tolist() if sizes[c]]
    return Centers(found.mean, np.ascontiguousarray(found.centers[kept]))


def _mean(vectors: Vectors) -> Fixed:
    sums = np.zeros(vectors.shape[1])
    for first in range(0, len(vectors), 1024):
        part = around_mean(vectors[first : first + 1024], np.zeros(vectors.shape[1], np.int16))
        _add(part, np.zeros(len(part), np.int32), sums[None])
    return fixed(sums / len(vectors))


def _spread_out(vectors: Vectors, mean: Fixed, count: int, seed: int) -> Centers:
    """Vectors as first centers, one after the other: of some that are drawn with a chance in proportion to their
    distance from those before the one that brings the others nearest."""
    tries = 2 + int(math.log(count))
    start = hash64_array(np.array([seed & (1 << 64) - 1], np.uint64))
    draws = hash64_array(start + np.arange(1, count * tries + 1, dtype=np.uint64) * GOLDEN)
    uniform = ((draws >> np.uint64(11)).astype(np.float64) / 2.0**53).reshape(count, tries)
    chosen = np.zeros((0, vectors.shape[1]), np.int16)
    distances = np.ones(len(vectors))
    for draw in uniform:
        steps = np.cumsum(distances)
        if steps[-1] == 0:
            break
        candidates = np.unique(np.searchsorted(steps, draw * steps[-1], side="right").clip(max=len(vectors) - 1))
        left = distances
        for center in fixed(around_mean(vectors[candidates], mean)):
            found = nearest(vectors, Centers(mean, center[None]))[1]
            found[found < _SAME] = 0
            np.minimum(found, distances, out=found)
            if center.any() and found.sum() < left.sum():
                left, best = found, center
        if left is distances:  # nothing but vectors that are the mean, which has no direction
            break
        distances, chosen = left, np.concatenate([chosen, best[None]])
    if not len(chosen):
        chosen = np.zeros((1, vectors.shape[1]), np.int16)
        chosen[0, 0] = ONE
    return Centers(mean, chosen)


def _lloyd(vectors: Vectors, centers: Centers, rounds: int) -> Centers:
    before: Int32 | None = None
    for _ in range(rounds):
        found, _ = nearest(vectors, centers)
        if before is not None and np.array_equal(found, before):
            break
        sums = np.zeros(centers.centers.shape)
        for first in range(0, len(vectors), 1024):
            part = slice(first, first + 1024)
            _add(around_mean(vectors[part], centers.mean), found[part], sums)
        lengths = np.sqrt((sums * sums).sum(axis=1))
        moved = fixed(sums / np.maximum(lengths, 1e-12)[:, None])
        # one without vectors stays where it is
        centers = Centers(centers.mean, np.where((lengths > 1e-9)[:, None], moved, centers.centers))
        before = found
    return centers


def _without_small(vectors: Vectors, centers: Centers, min_share: float) -> Centers:
    """The centers that are left when the one with the fewest vectors is taken off until all have their share."""
    found, _ = nearest(vectors, centers)
    alive = np.arange(len(centers.centers))
    while len(alive) > 1:
        sizes = np.bincount(found, minlength=len(centers.centers))[alive]
        least = int(np.argmin(sizes))
        if sizes[least] >= min_share * len(vectors):
            break
        gone, alive = alive[least], np.delete(alive, least)
        moved = np.flatnonzero(found == gone)
        if len(moved):
            found[moved] = alive[nearest(vectors[moved], Centers(centers.mean, centers.centers[alive]))[0]]
    return Centers(centers.mean, np.ascontiguousarray(centers.centers[alive]))


def _smallest(vectors: Vectors, centers: Centers) -> tuple[int, int]:
    sizes: npt.NDArray[np.int64] = np.bincount(nearest(vectors, centers)[0], minlength=len(centers.centers))
    return int(np.argmin(sizes)), int(sizes.min())


@entry("sums")
def _add(rows: Float64, groups: Int32, sums: Float64) -> None:
    """Add each row to the sum of its group, in their order."""
    for row in range(len(rows)):
        group = groups[row]
        for k in range(rows.shape[1]):
            sums[group, k] += rows[row, k]
